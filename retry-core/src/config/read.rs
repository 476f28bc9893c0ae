//! Tables with known keys: how they are read, so that errors name their place, and how they are written.

use core::fmt::{self, Display};
use core::marker::PhantomData;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Visitor};

use super::names::{Count, HintLimit, HumanDuration, Limit, Name, Named, Number, Percent};
use crate::config_error::ConfigError;

/// A value that is read from the place `path` in a file. Each of its errors begins with `path`.
pub(super) trait Read<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error>;
}

macro_rules! values {
    ($([$($generics:tt)*] $value:ty),* $(,)?) => {
        $(impl<'de, $($generics)*> Read<'de> for $value {
            fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
                Self::deserialize(deserializer).map_err(|error| named(path, error))
            }
        })*
    };
}
values!(
    [] bool, [] Count, [] Number, [] Percent, [] HumanDuration, [] Limit, [] HintLimit,
    [T: Named] Name<T>, [T: Named] Vec<Name<T>>
);

/// Puts the path before the error. Some formats add further lines to it, which they add again at the end.
pub(super) fn named<E: de::Error>(path: &str, error: E) -> E {
    if path.is_empty() {
        return error;
    }
    let line = error.to_string();
    E::custom(format!("{path}: {}", line.lines().next().unwrap_or_default()))
}

/// A key of a table. An unknown key is an error while it is read, because then its place is known.
pub(super) struct KeyOf<'p> {
    pub(super) path: &'p str,
    pub(super) fields: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<&'static str, E> {
        match self.fields.iter().find(|field| **field == key) {
            Some(field) => Ok(field),
            None => Err(named(self.path, E::unknown_field(key, self.fields))),
        }
    }
}

/// A value of a table, with the path of the table and its key.
pub(super) struct ValueAt<T> {
    path: String,
    value: PhantomData<T>,
}

impl<T> ValueAt<T> {
    pub(super) fn new(path: &str, key: &str) -> Self {
        let path = if path.is_empty() { key.into() } else { format!("{path}: {key}") };
        Self { path, value: PhantomData }
    }
}

impl<'de, T: Read<'de>> DeserializeSeed<'de> for ValueAt<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, &self.path)
    }
}

/// Makes a table with known keys. Its errors begin with the path of tables that leads to the key.
///
/// The error of a derived implementation for a wrong type names the field only in some formats. The path is passed down
/// to the place that makes the error, so that a format that knows the line keeps it.
///
/// A field that is `None` is not written.
macro_rules! table {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        $visibility struct $name { $($field: Option<$type>,)* }

        impl<'de> Read<'de> for $name {
            fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
                use core::cell::Cell;
                use core::fmt;

                use serde::de::{self, MapAccess, Visitor};
                use $crate::config::read::{KeyOf, ValueAt, named};

                const FIELDS: &[&str] = &[$(stringify!($field),)*];
                struct Fields<'p> {
                    path: &'p str,
                    is_table: &'p Cell<bool>,
                }
                impl<'de> Visitor<'de> for Fields<'_> {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a table of {}", FIELDS.join(", "))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        self.is_table.set(true);
                        let path = self.path;
                        let mut file = $name::default();
                        while let Some(key) = map.next_key_seed(KeyOf { path, fields: FIELDS })? {
                            match key {
                                $(stringify!($field) if file.$field.is_none() => {
                                    file.$field = Some(map.next_value_seed(ValueAt::new(path, key))?);
                                })*
                                _ => return Err(named(path, de::Error::duplicate_field(key))),
                            }
                        }
                        Ok(file)
                    }
                }
                let is_table = Cell::new(false);
                deserializer
                    .deserialize_struct(stringify!($name), FIELDS, Fields { path, is_table: &is_table })
                    .map_err(|error| if is_table.get() { error } else { named(path, error) })
            }
        }

        impl serde::ser::Serialize for $name {
            fn serialize<S: serde::ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;

                let written = [$(self.$field.is_some()),*].into_iter().filter(|is_some| *is_some).count();
                let mut table = serializer.serialize_struct(stringify!($name), written)?;
                $(match &self.$field {
                    Some(value) => table.serialize_field(stringify!($field), value)?,
                    None => table.skip_field(stringify!($field))?,
                })*
                table.end()
            }
        }
    };
}
pub(super) use table;

/// A mistake in a file, in one line that begins with the key.
pub(super) struct Problem(pub(super) String);

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

/// Returns an error if a key was given that has no use here.
pub(super) fn unused(key: &str, given: bool, why: &str) -> Result<(), Problem> {
    if given { Err(Problem(format!("{key}: {why}"))) } else { Ok(()) }
}

//! Tables of known keys: how they are read, with the names that an error is under, and how they are written.

use core::fmt::{self, Display};
use core::marker::PhantomData;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Visitor};

use super::names::{Count, HintLimit, HumanDuration, Limit, Name, Named, Number, Percent};
use crate::config_error::ConfigError;

/// What stands in a file under the names of `path`, which each of its errors begins with.
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

/// The error, behind the names; some formats say more in further lines, which they say again at the end.
pub(super) fn named<E: de::Error>(path: &str, error: E) -> E {
    if path.is_empty() {
        return error;
    }
    let line = error.to_string();
    E::custom(format!("{path}: {}", line.lines().next().unwrap_or_default()))
}

/// One of a table's keys. What is wrong with one is said while it is read, which is when its place is known.
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

/// A value, under the names of its table and its own.
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

/// A table whose every key is known, and whose every error begins with the names of the tables it is in and its key.
///
/// What a derived implementation says of a wrong type does not name the field in every format. The names are passed
/// down to where an error is made, and not put before it on its way up: so a format that knows the place keeps it.
///
/// What is `None` is not written.
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

/// What is wrong with a file, in one line that begins with the key.
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

/// An error if a key was given that has no use.
pub(super) fn unused(key: &str, given: bool, why: &str) -> Result<(), Problem> {
    if given { Err(Problem(format!("{key}: {why}"))) } else { Ok(()) }
}

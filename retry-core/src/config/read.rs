//! Tables with known keys: how they are read, so that errors name their place, and how they are written.

use core::fmt::{self, Display};
use core::marker::PhantomData;
use std::format;
use std::string::String;

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

use super::suggest::{self, Table};
use super::value::{self, Shown, Value};
use crate::config_error::ConfigError;

/// A value that is read from the place `path` in a file. Each of its errors begins with `path`.
pub(super) trait Read<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error>;
}

impl<'de, T: Value> Read<'de> for T {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
        value::read(deserializer, path)
    }
}

/// Returns the path of a key: `http.policy.max_delay`.
pub(super) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}

/// Puts the path of a table before an error that begins with a key.
pub(super) fn named<E: de::Error>(path: &str, error: impl Display) -> E {
    if path.is_empty() { E::custom(error) } else { E::custom(format!("{path}.{error}")) }
}

/// A key of a table. An unknown key is an error while it is read, because then its place is known.
pub(super) struct KeyOf<'p> {
    pub(super) path: &'p str,
    pub(super) table: Table,
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
        match self.table.keys().iter().find(|field| **field == key) {
            Some(field) => Ok(field),
            None => {
                let line = format!("{}: unknown key, {}", Shown(key), suggest::key(self.table, key));
                Err(named(self.path, line))
            }
        }
    }
}

/// A value of a table, with its path, and with what checks it.
pub(super) struct ValueAt<'p, T> {
    path: &'p str,
    key: &'p str,
    check: fn(&T) -> Result<(), ConfigError>,
    value: PhantomData<T>,
}

impl<'p, T> ValueAt<'p, T> {
    pub(super) fn new(path: &'p str, key: &'p str, check: fn(&T) -> Result<(), ConfigError>) -> Self {
        Self { path, key, check, value: PhantomData }
    }
}

impl<'de, T: Read<'de>> DeserializeSeed<'de> for ValueAt<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let value = T::read(deserializer, &joined(self.path, self.key))?;
        (self.check)(&value).map_err(|error| named(self.path, error))?;
        Ok(value)
    }
}

/// Makes a table with known keys. Its errors begin with the path of tables that leads to the key.
///
/// A value is checked while it is read, because then its place is known: by the setter after `=>`. A field that is
/// `None` is not written.
macro_rules! table {
    (@check) => { |_| Ok(()) };
    (@check $check:expr) => { $check };
    (
        $(#[$doc:meta])*
        $visibility:vis struct $name:ident in $table:expr => {
            $($field:ident: $type:ty $(=> $check:expr)?,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        $visibility struct $name { $(pub(super) $field: Option<$type>,)* }

        // Suggestions for other tables need a list that they can name without this type.
        const _: () = {
            let keys = &[$(stringify!($field),)*];
            assert!($crate::config::suggest::is_same(keys, $table.keys()), "the keys of this table");
        };

        impl $name {
            /// Returns the keys that are given.
            pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
                let keys = [$((stringify!($field), self.$field.is_some()),)*];
                keys.into_iter().filter_map(|(key, given)| given.then_some(key))
            }
        }

        impl<'de> $crate::config::read::Read<'de> for $name {
            fn read<D: serde::de::Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
                struct Fields<'p>(&'p str);
                impl<'de> serde::de::Visitor<'de> for Fields<'_> {
                    type Value = $name;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str("a table")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use $crate::config::read::{KeyOf, ValueAt, named};

                        let path = self.0;
                        let mut file = $name::default();
                        while let Some(key) = map.next_key_seed(KeyOf { path, table: $table })? {
                            match key {
                                $(stringify!($field) if file.$field.is_none() => {
                                    let check: fn(&$type) -> Result<(), $crate::config_error::ConfigError> =
                                        table!(@check $($check)?);
                                    file.$field = Some(map.next_value_seed(ValueAt::new(path, key, check))?);
                                })*
                                _ => return Err(named(path, std::format!("{key}: is given twice"))),
                            }
                        }
                        Ok(file)
                    }
                }
                $crate::config::read::read_table(deserializer, path, $table, Fields(path))
            }
        }

        impl serde::ser::Serialize for $name {
            fn serialize<S: serde::ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;

                let written = self.given().count();
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

/// Reads a table, and anything else as an error that names the place, the value and the keys.
pub(super) fn read_table<'de, D, V>(
    deserializer: D,
    path: &str,
    table: Table,
    visitor: V,
) -> Result<V::Value, D::Error>
where
    D: Deserializer<'de>,
    V: Visitor<'de>,
{
    deserializer.deserialize_any(OrTable { path, table, visitor })
}

/// Takes a table, and makes errors of all other values.
struct OrTable<'p, V> {
    path: &'p str,
    table: Table,
    visitor: V,
}

impl<V> OrTable<'_, V> {
    fn wrong<E: de::Error>(&self, raw: value::Raw) -> E {
        let keys = self.table.keys().join(", ");
        let place = if self.path.is_empty() { raw_alone(&raw) } else { format!("{} = {raw}", self.path) };
        E::custom(format!("{place}: must be a table of {keys}"))
    }
}

fn raw_alone(raw: &value::Raw) -> String {
    format!("{raw}")
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OrTable<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(map)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Text(text.into())))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Whole(number.into())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Whole(number.into())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Float(number)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        Err(self.wrong(value::Raw::Nothing))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(self.wrong(value::Raw::List))
    }
}

/// A mistake in a file, in one line that begins with the key.
pub(super) struct Problem(pub(super) String);

impl Problem {
    /// The same mistake in the table at this place.
    pub(super) fn at(self, path: &str) -> Self {
        Self(joined(path, &self.0))
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self(std::string::ToString::to_string(&error))
    }
}

/// Returns an error if a key was given that has no use here.
pub(super) fn unused(key: &str, given: bool, why: &str) -> Result<(), Problem> {
    if given { Err(Problem(format!("{key}: {why}"))) } else { Ok(()) }
}

//! Configuration files for a program's types of operations.

use core::cell::Cell;
use core::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::circuit::CircuitFile;
use super::policy::PolicyFile;
use super::read::{Problem, Read, ValueAt, named, table};
use crate::clean::{OnOneLine, Shown};
use crate::policy::Preset;

/// A configuration file for a program's types of operations, with a table for each one that differs from its preset.
///
/// Such a table may have these keys:
///
/// - `policy`: a table that starts from the program's own policy, or from the preset that it names
/// - `circuit`: a table as that of a [`CircuitConfig`](crate::CircuitConfig), or `"none"`
/// - `dead_letter`: a `bool`
///
/// The program says which types of operation exist. A file that names another one is an error.
///
/// ```
/// use retry_core::{config::OperationsFile, pool::Operations, CircuitConfig, Preset};
///
/// let file: OperationsFile = toml::from_str(
///     r#"
///     [database]
///     policy = { max_attempts = 6, start_within = "20s" }
///     circuit = { failure_rate = 30, minimum_calls = 50 }
///
///     [http]
///     circuit = "none"
///     "#,
/// )
/// .unwrap();
/// let presets = file.over([Preset::DATABASE, Preset::HTTP, Preset::CACHE]).unwrap();
/// assert_eq!(presets[2], Preset::CACHE);
///
/// let operations = Operations::try_new(presets).unwrap();
/// let database = operations.find("database").unwrap();
/// assert_eq!(database.policy().settings().max_attempts, Some(6));
/// assert!(operations.find("http").unwrap().circuit().is_none());
/// ```
#[derive(Default)]
pub struct OperationsFile(Vec<(String, OperationFile)>);

table! {
    struct OperationFile {
        policy: PolicyFile,
        circuit: CircuitChoice,
        dead_letter: bool,
    }
}

/// A circuit's table, or `"none"`.
struct CircuitChoice(Option<CircuitFile>);

/// Why a file does not fit a program, in one line that begins with the operation's name.
#[derive(Clone, PartialEq, Eq)]
pub struct FileError(String);

impl OperationsFile {
    /// Returns the program's own presets, with the values of the file in their place.
    ///
    /// # Errors
    /// Returns an error if the file names another operation than these, or if a value is invalid.
    pub fn over<const N: usize>(self, mut presets: [Preset; N]) -> Result<[Preset; N], FileError> {
        for (name, file) in self.0 {
            match presets.iter_mut().find(|preset| preset.name == name) {
                Some(preset) => {
                    file.apply(preset).map_err(|Problem(line)| FileError(format!("{name}: {line}")))?
                }
                None => {
                    let names = presets.map(|preset| preset.name).join(", ");
                    return Err(FileError(format!("{name}: no such operation, expected one of {names}")));
                }
            }
        }
        Ok(presets)
    }
}

impl OperationFile {
    fn apply(self, preset: &mut Preset) -> Result<(), Problem> {
        if let Some(policy) = self.policy {
            preset.policy = policy.over(preset.policy)?;
        }
        if let Some(CircuitChoice(circuit)) = self.circuit {
            preset.circuit = circuit.map(CircuitFile::config).transpose()?;
        }
        preset.dead_letter = self.dead_letter.unwrap_or(preset.dead_letter);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for OperationsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = OperationsFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of operations by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OperationsFile, A::Error> {
                let mut operations: Vec<(String, OperationFile)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if operations.iter().any(|(other, _)| *other == name) {
                        return Err(de::Error::custom(format!("duplicate operation `{name}`")));
                    }
                    let file = map.next_value_seed(ValueAt::new("", &name))?;
                    operations.push((name, file));
                }
                Ok(OperationsFile(operations))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

impl<'de> Read<'de> for CircuitChoice {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
        struct Choice<'p> {
            path: &'p str,
            is_table: &'p Cell<bool>,
        }
        impl<'de> Visitor<'de> for Choice<'_> {
            type Value = CircuitChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a circuit's table, or \"none\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CircuitChoice, E> {
                match text {
                    "none" => Ok(CircuitChoice(None)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CircuitChoice, A::Error> {
                self.is_table.set(true);
                let file = CircuitFile::read(de::value::MapAccessDeserializer::new(map), self.path);
                file.map(|file| CircuitChoice(Some(file)))
            }
        }
        let is_table = Cell::new(false);
        deserializer
            .deserialize_any(Choice { path, is_table: &is_table })
            .map_err(|error| if is_table.get() { error } else { named(path, error) })
    }
}

impl Serialize for OperationsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, file)| (name, file)))
    }
}

impl Serialize for CircuitChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(file) => file.serialize(serializer),
            None => serializer.serialize_str("none"),
        }
    }
}

impl fmt::Debug for OperationsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| Shown(name))).finish()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OnOneLine(&self.0).fmt(f)
    }
}

impl fmt::Debug for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileError").field(&self.to_string()).finish()
    }
}

impl core::error::Error for FileError {}

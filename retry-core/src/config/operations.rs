//! Configuration files for a program's types of operations.

use core::fmt;
use core::marker::PhantomData;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::budget::BudgetFile;
use super::budgets::OperationBudgets;
use super::circuit::CircuitFile;
use super::names::Name;
use super::policy::PolicyFile;
use super::read::{Problem, Read, ValueAt, joined, named, table};
use super::suggest::{self, Table};
use super::value::{Raw, Shown};
use crate::budget::BudgetConfig;
use crate::clean::{self, OnOneLine};
use crate::log_level::LogLevel;
use crate::policy::Preset;

/// A configuration file for a program's types of operations, with a table for each one that differs from its preset.
///
/// Such a table may have these keys:
///
/// - `policy`: a table that starts from the program's own policy, or from the preset that it names
/// - `circuit`: a table as that of a [`CircuitConfig`](crate::CircuitConfig), or `"none"`
/// - `budget`: a table as that of a [`BudgetConfig`], the name of a shared budget, or `"none"`
/// - `dead_letter`: a `bool`
/// - `log_level`: the level of events that the operation logs, such as `"info"`. It works in logs that the program puts
///   behind [`Operation::log_threshold`](crate::pool::Operation::log_threshold).
///
/// Two keys stand beside the operations: `log_level`, for all operations that have none of their own, and `budgets`, a
/// table of shared budgets by name.
///
/// The program says which types of operation exist. A file that names another one is an error.
///
/// ```
/// use retry_core::{config::OperationsFile, observe::LogLevel, pool::Operations, CircuitConfig, Preset};
///
/// let file: OperationsFile = toml::from_str(
///     r#"
///     log_level = "info"
///
///     [database]
///     policy = { max_attempts = 6, start_within = "20s" }
///     circuit = { failure_rate = 30, minimum_calls = 50 }
///     log_level = "debug"
///
///     [http]
///     circuit = "none"
///     "#,
/// )
/// .unwrap();
/// let presets = file.over([Preset::DATABASE, Preset::HTTP, Preset::CACHE]).unwrap();
/// assert_eq!((presets[2].policy, presets[2].log_level), (Preset::CACHE.policy, LogLevel::Info));
///
/// let operations = Operations::try_new(presets).unwrap();
/// let database = operations.find("database").unwrap();
/// assert_eq!(database.policy().settings().max_attempts, Some(6));
/// assert_eq!(database.log_threshold().level(), LogLevel::Debug);
/// assert!(operations.find("http").unwrap().circuit().is_none());
/// ```
#[derive(Clone, Default)]
pub struct OperationsFile {
    log_level: Option<Name<LogLevel>>,
    budgets: Vec<(String, BudgetFile)>,
    operations: Vec<(String, OperationFile)>,
}

/// The keys beside the operations.
const LOG_LEVEL: &str = "log_level";
const BUDGETS: &str = "budgets";

table! {
    pub(super) struct OperationFile in Table::Operation => {
        policy: PolicyFile,
        circuit: Choice<CircuitFile>,
        budget: Choice<BudgetFile>,
        dead_letter: bool,
        log_level: Name<LogLevel>,
    }
}

/// A table, `"none"`, or for a budget the name of a shared one.
#[derive(Clone)]
pub(super) enum Choice<T> {
    None,
    Named(String),
    Table(T),
}

/// What a [`Choice`] may be.
pub(super) trait Choose {
    const WHAT: &'static str;
    const HAS_NAMES: bool;

    /// Checks the table alone.
    fn check(&self) -> Result<(), Problem>;
}

impl Choose for CircuitFile {
    const WHAT: &'static str = "must be a circuit's table, or \"none\"";
    const HAS_NAMES: bool = false;

    fn check(&self) -> Result<(), Problem> {
        self.config().map(|_| ())
    }
}

impl Choose for BudgetFile {
    const WHAT: &'static str = "must be a budget's table, the name of a shared budget, or \"none\"";
    const HAS_NAMES: bool = true;

    fn check(&self) -> Result<(), Problem> {
        self.config().map(|_| ())
    }
}

/// Why a file does not fit a program, in one line that begins with the operation's name.
#[derive(Clone, PartialEq, Eq)]
pub struct FileError(String);

impl OperationsFile {
    /// Returns the program's own presets, with the values of the file in their place.
    ///
    /// # Errors
    /// Returns an error if the file names another operation than these, or if a value is invalid. It also returns one
    /// if a preset is named as a key of the file: `log_level` or `budgets`.
    pub fn over<const N: usize>(&self, mut presets: [Preset; N]) -> Result<[Preset; N], FileError> {
        if let Some(Name(level)) = self.log_level {
            presets.iter_mut().for_each(|preset| preset.log_level = level);
        }
        if let Some(preset) = presets.iter().find(|preset| [LOG_LEVEL, BUDGETS].contains(&preset.name)) {
            return Err(FileError(format!("{}: is a key of the file, so no operation has it", preset.name)));
        }
        for (name, file) in &self.operations {
            let names = presets.map(|preset| preset.name);
            match presets.iter_mut().find(|preset| preset.name == name) {
                Some(preset) => file
                    .apply(preset)
                    .map_err(|problem| FileError(problem.at(&Shown(name).to_string()).to_string()))?,
                None => {
                    return Err(FileError(format!(
                        "{}: no such operation{}",
                        Shown(name),
                        meant(name, &names)
                    )));
                }
            }
        }
        Ok(presets)
    }

    /// Makes the budgets of the file: one for each operation with a table `budget`, and one for each name under
    /// `budgets`, which all operations share that give its name.
    ///
    /// ```
    /// use retry_core::{config::OperationsFile, pool::Operations, runtime::StdRuntime, Class, Preset};
    ///
    /// let file: OperationsFile = toml::from_str(
    ///     r#"
    ///     budgets.aws = { kind = "token_bucket", capacity = 100 }
    ///
    ///     [http]
    ///     budget = "aws"
    ///
    ///     [s3]
    ///     budget = "aws"
    ///     "#,
    /// )
    /// .unwrap();
    /// let all = Operations::try_new(file.over([Preset::HTTP, Preset::S3]).unwrap()).unwrap();
    /// let budgets = file.budgets();
    ///
    /// let http = all.named("http").retry(StdRuntime).budget(budgets.of("http"));
    /// assert_eq!(http.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// ```
    pub fn budgets(&self) -> OperationBudgets {
        let mut budgets = OperationBudgets::default();
        let shared =
            self.budgets.iter().filter_map(|(name, file)| Some((name.as_str(), file.config().ok()?)));
        let shared: Vec<(&str, BudgetConfig)> = shared.collect();
        for (operation, file) in &self.operations {
            match &file.budget {
                Some(Choice::Table(table)) => {
                    if let Ok(config) = table.config() {
                        budgets.add(operation, None, config);
                    }
                }
                Some(Choice::Named(name)) => {
                    if let Some((name, config)) = shared.iter().find(|(shared, _)| shared == name) {
                        budgets.add(operation, Some(name), *config);
                    }
                }
                Some(Choice::None) | None => {}
            }
        }
        budgets
    }

    /// Checks that the shared budgets exist which operations name.
    fn check_budgets(&self) -> Result<(), Problem> {
        for (operation, file) in &self.operations {
            let Some(Choice::Named(name)) = &file.budget else { continue };
            if !self.budgets.iter().any(|(shared, _)| shared == name) {
                let names: Vec<_> = self.budgets.iter().map(|(shared, _)| shared.as_str()).collect();
                let line = format!(
                    "{}.budget = \"{}\": no such shared budget{}",
                    Shown(operation),
                    Shown(name),
                    meant(name, &names)
                );
                return Err(Problem(line));
            }
        }
        Ok(())
    }
}

/// Says which of these names was meant, or which there are.
fn meant(name: &str, names: &[&str]) -> String {
    let owned: Vec<String> = names.iter().map(ToString::to_string).collect();
    let list = names.iter().take(20).map(|name| Shown(name).to_string()).collect::<Vec<_>>().join(", ");
    match suggest::name(name, &owned, &[]) {
        Some(name) => format!(", did you mean {}? There are {list}", Shown(name)),
        None if names.is_empty() => ", there are none".into(),
        None => format!(", expected one of {list}"),
    }
}

impl OperationFile {
    fn apply(&self, preset: &mut Preset) -> Result<(), Problem> {
        if let Some(policy) = &self.policy {
            preset.policy = policy.over(preset.policy).map_err(|problem| problem.at("policy"))?;
        }
        match &self.circuit {
            Some(Choice::Table(circuit)) => {
                preset.circuit = Some(circuit.config().map_err(|problem| problem.at("circuit"))?);
            }
            Some(_) => preset.circuit = None,
            None => {}
        }
        preset.dead_letter = self.dead_letter.unwrap_or(preset.dead_letter);
        preset.log_level = self.log_level.map_or(preset.log_level, |level| level.0);
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
                let mut file = OperationsFile::default();
                let mut has_budgets = false;
                while let Some(name) = map.next_key::<String>()? {
                    let twice = file.operations.iter().any(|(other, _)| *other == name)
                        || (name == LOG_LEVEL && file.log_level.is_some())
                        || (name == BUDGETS && has_budgets);
                    if twice {
                        return Err(de::Error::custom(format!("{}: is given twice", Shown(&name))));
                    }
                    let shown = Shown(&name).to_string();
                    match name.as_str() {
                        LOG_LEVEL => {
                            file.log_level =
                                Some(map.next_value_seed(ValueAt::new("", LOG_LEVEL, |_| Ok(())))?);
                        }
                        BUDGETS => {
                            has_budgets = true;
                            file.budgets = map.next_value_seed(SharedBudgets)?;
                        }
                        _ => {
                            let operation = map.next_value_seed(ValueAt::new("", &shown, |_| Ok(())))?;
                            file.operations.push((name, operation));
                        }
                    }
                }
                file.check_budgets().map_err(de::Error::custom)?;
                Ok(file)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

/// The table of shared budgets.
struct SharedBudgets;

impl<'de> DeserializeSeed<'de> for SharedBudgets {
    type Value = Vec<(String, BudgetFile)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SharedBudgets {
    type Value = Vec<(String, BudgetFile)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a table of shared budgets by name as {BUDGETS}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut budgets: Self::Value = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = joined(BUDGETS, &Shown(&name).to_string());
            if budgets.iter().any(|(other, _)| *other == name) {
                return Err(de::Error::custom(format!("{path}: is given twice")));
            }
            if name == "none" {
                return Err(de::Error::custom(format!("{path}: this name says that there is no budget")));
            }
            let file: BudgetFile = map.next_value_seed(At(&path))?;
            file.check().map_err(|problem| named::<A::Error>(&path, problem))?;
            budgets.push((name, file));
        }
        Ok(budgets)
    }
}

/// A table at this path.
struct At<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = BudgetFile;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<BudgetFile, D::Error> {
        BudgetFile::read(deserializer, self.0)
    }
}

impl<'de, T: Choose + Read<'de>> Read<'de> for Choice<T> {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
        struct Either<'p, T> {
            path: &'p str,
            table: PhantomData<T>,
        }
        impl<T: Choose> Either<'_, T> {
            fn wrong<E: de::Error>(&self, raw: &Raw, hint: &str) -> E {
                E::custom(format!("{} = {raw}: {}{hint}", self.path, T::WHAT))
            }
        }
        impl<'de, T: Choose + Read<'de>> Visitor<'de> for Either<'_, T> {
            type Value = Choice<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Choice<T>, E> {
                let raw = Raw::Text(text.into());
                match (text, raw.word().as_deref()) {
                    ("none", _) => Ok(Choice::None),
                    (_, Some("off" | "no" | "false" | "disabled" | "none" | "null")) => {
                        Err(self.wrong(&raw, "; write \"none\""))
                    }
                    _ if T::HAS_NAMES => Ok(Choice::Named(text.into())),
                    _ => Err(self.wrong(&raw, "")),
                }
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Choice<T>, E> {
                let hint = if value { "; write {} for the default" } else { "; write \"none\"" };
                Err(self.wrong(&Raw::Bool(value), hint))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Choice<T>, E> {
                Err(self.wrong(&Raw::Whole(number.into()), ""))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Choice<T>, E> {
                Err(self.wrong(&Raw::Whole(number.into()), ""))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Choice<T>, E> {
                Err(self.wrong(&Raw::Float(number), ""))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Choice<T>, E> {
                Err(self.wrong(&Raw::Nothing, "; write \"none\""))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Choice<T>, A::Error> {
                Err(self.wrong(&Raw::List, ""))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Choice<T>, A::Error> {
                let file = T::read(de::value::MapAccessDeserializer::new(map), self.path)?;
                file.check().map_err(|problem| named::<A::Error>(self.path, problem))?;
                Ok(Choice::Table(file))
            }
        }
        deserializer.deserialize_any(Either { path, table: PhantomData })
    }
}

impl Serialize for OperationsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(level) = &self.log_level {
            map.serialize_entry(LOG_LEVEL, level)?;
        }
        if !self.budgets.is_empty() {
            map.serialize_entry(BUDGETS, &Map(&self.budgets))?;
        }
        self.operations.iter().try_for_each(|(name, file)| map.serialize_entry(name, file))?;
        map.end()
    }
}

struct Map<'a, T>(&'a [(String, T)]);

impl<T: Serialize> Serialize for Map<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, file)| (name, file)))
    }
}

impl<T: Serialize> Serialize for Choice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Table(file) => file.serialize(serializer),
            Self::Named(name) => serializer.serialize_str(name),
            Self::None => serializer.serialize_str("none"),
        }
    }
}

impl fmt::Debug for OperationsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.operations.iter().map(|(name, _)| clean::Shown(name))).finish()
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

//! Ranges and defaults, tried by setting values.

use std::collections::BTreeSet;
use std::time::Duration;

use retry_core::{
    CircuitConfig, ClassSet, Policy, Preset,
    observe::{Metrics, MetricsFacade, OperationMetrics},
};
use tests::secs;

use crate::page::{Row, is_row, quoted, sections};
use crate::settings::{InFile, SETTINGS, Set, Tried};
use crate::sources::SOURCES;

/// A value of a number's type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Whole(u64),
    Time(Duration),
    Float(f64),
}

/// The type of a number: its lowest and highest value, and for floats the smallest difference that counts.
#[derive(Clone, Copy)]
struct Kind {
    lowest: Value,
    highest: Value,
    step: f64,
}

const fn whole(most: u64) -> Kind {
    Kind { lowest: Value::Whole(0), highest: Value::Whole(most), step: 0.0 }
}

const TIME: Kind =
    Kind { lowest: Value::Time(Duration::ZERO), highest: Value::Time(Duration::MAX), step: 0.0 };

const fn float(step: f64) -> Kind {
    Kind { lowest: Value::Float(f64::MIN), highest: Value::Float(f64::MAX), step }
}

impl Value {
    fn count(self) -> u32 {
        self.size().try_into().expect("it fits its type")
    }

    fn percent(self) -> u8 {
        self.size().try_into().expect("it fits its type")
    }

    fn size(self) -> usize {
        let Self::Whole(number) = self else { panic!("{self:?}") };
        number.try_into().expect("it fits its type")
    }

    fn time(self) -> Duration {
        let Self::Time(time) = self else { panic!("{self:?}") };
        time
    }

    fn number(self) -> f64 {
        let Self::Float(number) = self else { panic!("{self:?}") };
        number
    }

    /// The next lower value; `None` if it has no type.
    fn below(self, kind: Kind) -> Option<Self> {
        match self {
            Self::Whole(number) => number.checked_sub(1).map(Self::Whole),
            Self::Time(time) => time.checked_sub(Duration::from_nanos(1)).map(Self::Time),
            Self::Float(number) => Some(Self::Float(number - kind.step)),
        }
    }

    /// The next higher value, if this is not the highest of its type.
    fn above(self, kind: Kind) -> Option<Self> {
        if self == kind.highest {
            return None;
        }
        Some(match self {
            Self::Whole(number) => Self::Whole(number + 1),
            Self::Time(time) => Self::Time(time + Duration::from_nanos(1)),
            Self::Float(number) => Self::Float(number + kind.step),
        })
    }

    /// As the page says it: `3`, `0.2`, `100 ms`, `5 min`.
    fn parse(text: &str, kind: Kind) -> Option<Self> {
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        Some(match kind.lowest {
            Self::Whole(_) => Self::Whole(number.parse().ok()?),
            Self::Float(_) => Self::Float(number.parse().ok()?),
            Self::Time(_) => {
                let number: u64 = number.parse().ok()?;
                Self::Time(match unit {
                    "ms" => Duration::from_millis(number),
                    "s" => secs(number),
                    "min" => secs(60 * number),
                    "h" => secs(3_600 * number),
                    _ => return None,
                })
            }
        })
    }

    /// As a file says it. The longest time of a file is in nanoseconds of 64 bits.
    fn in_toml(self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Time(time) => format!("'{}ns'", u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            Self::Float(number) => format!("{number:?}").replace("NaN", "nan"),
        }
    }
}

/// The lowest value of a range, the one below it that is refused, and the highest one.
fn range(
    text: &'static str,
    value_of: impl Fn(&'static str) -> &'static str,
    kind: Kind,
) -> (Value, Option<Value>, Value) {
    let parse = |text: &'static str| {
        Value::parse(value_of(text.trim()), kind).unwrap_or_else(|| panic!("a range of the page: {text}"))
    };
    let text = text.split(';').next().expect("a split has a first part");
    if text == "any" {
        return (kind.lowest, None, kind.highest);
    }
    if let Some(limit) = text.strip_prefix("above ") {
        let limit = parse(limit);
        let low = match limit {
            Value::Float(_) => Value::Float(f64::MIN_POSITIVE),
            _ => limit.above(kind).expect("a range holds something"),
        };
        return (low, Some(limit), kind.highest);
    }
    let (low, high) = match text.split_once(" to ") {
        Some((low, high)) => (parse(low), parse(high)),
        None => (parse(text.strip_suffix(" or more").expect("a range of the page")), kind.highest),
    };
    (low, low.below(kind), high)
}

/// Where a range ends at another setting, the error of a value outside of it has to say which.
fn names_the_limit(range: &str, error: &str) -> Result<(), String> {
    let is_named = |name: &str| match name {
        "N" => error.contains("the window") || error.contains("what its type holds"),
        name => error.contains(name) || error.contains(&name.replace('_', " ")),
    };
    match quoted(range)[..] {
        [name] if !is_named(name) && !error.contains("at least 1") => Err(format!("{range}: {error}")),
        _ => Ok(()),
    }
}

/// The values among which a default would be found.
fn usual(kind: Kind) -> impl Iterator<Item = Value> {
    let units = ["ms", "s", "min", "h"];
    let texts = (0..=1_000).flat_map(move |number| units.map(|unit| format!("{number} {unit}")));
    let tenths = (0..=20).map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
    let values = texts.chain(tenths).filter_map(move |text| Value::parse(&text, kind));
    values.filter(
        move |value| !matches!((value, kind.highest), (Value::Whole(it), Value::Whole(most)) if *it > most),
    )
}

/// Tries a number at the edges of its range and beyond them, in code and in a file, and its default.
fn numbers_are_right(
    row: &Row,
    value_of: impl Fn(&'static str) -> &'static str,
    file: InFile,
    key: &str,
    kind: Kind,
    set: impl Fn(Value) -> Tried,
) -> Result<(), String> {
    let (low, below, high) = range(row["range"], &value_of, kind);
    let mut refused: Vec<_> = below.into_iter().chain(high.above(kind)).collect();
    if let Value::Float(_) = low {
        refused.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(Value::Float));
    }
    let in_file = |value: Value| file.set(&format!("{key} = {}", value.in_toml()));
    let is_in_file = !matches!(file, InFile::Nowhere);
    for value in refused {
        match set(value) {
            Ok(_) => return Err(format!("{value:?} is accepted")),
            Err(error) => names_the_limit(row["range"], &error)?,
        }
        if is_in_file && in_file(value).is_ok() {
            return Err(format!("{value:?} is accepted in a file"));
        }
    }
    let mut defaults = Vec::new();
    for value in [low, high] {
        defaults.push(set(value).map_err(|error| format!("{value:?} is refused: {error}"))?);
        if is_in_file {
            in_file(value).map_err(|error| format!("{value:?} is refused in a file: {error}"))?;
        }
    }
    if is_in_file && let Value::Whole(_) = low {
        for line in ["-1", "4294967296", "1.5", "'one'"] {
            if file.set(&format!("{key} = {line}")).is_ok() {
                return Err(format!("{line} is accepted in a file"));
            }
        }
    }

    match row["default"] {
        // No value is the default, or only the highest one of the type.
        "none" => match usual(kind).find(|value| set(*value) == Ok(true)) {
            Some(value) => Err(format!("the default is {value:?}")),
            None if defaults[0] || (defaults[1] && high != kind.highest) => Err("there is a default".into()),
            None => Ok(()),
        },
        "required" if defaults.contains(&true) => Err("there is a default".into()),
        "required" if is_in_file && file.set("").is_ok() => Err("a file may leave it out".into()),
        "required" => Ok(()),
        text => {
            let default = Value::parse(value_of(text), kind).ok_or("the default is no value")?;
            if set(default) != Ok(true) {
                return Err(format!("the default is not {default:?}: {:?}", set(default)));
            }
            if defaults == [true, true] {
                return Err("every value is taken for the default".into());
            }
            // One that follows from another setting is not the same as one that is given.
            if is_in_file && !text.starts_with('`') && in_file(default) != Ok(true) {
                return Err(format!("the default of a file is not {default:?}: {:?}", in_file(default)));
            }
            Ok(())
        }
    }
}

/// Compares the names of a row with those that a file lists in its error, and with the variants in the sources.
fn names_are_right(
    row: &Row,
    set: fn(&str) -> Tried,
    of: Option<&str>,
    file: InFile,
    key: &str,
) -> Result<(), String> {
    let names = quoted(row["range"]);
    let defaults: Vec<_> = names.iter().filter(|name| set(name) == Ok(true)).copied().collect();
    let default = quoted(row["default"]);
    if defaults != default {
        return Err(format!("the default is {defaults:?}, not {default:?}"));
    }
    if let Some(of) = of {
        let variants: Vec<_> = SOURCES.variants[of].iter().map(|name| name.to_lowercase()).collect();
        let listed: Vec<_> = names.iter().map(|name| name.to_lowercase().replace('_', "")).collect();
        if BTreeSet::from_iter(&variants) != BTreeSet::from_iter(&listed) {
            return Err(format!("{of} has {variants:?}"));
        }
    }
    if let InFile::Nowhere = file {
        return Ok(());
    }
    let value =
        |name: &str| if name == "true" || name == "false" { name.to_owned() } else { format!("'{name}'") };
    let error = file.set(&format!("{key} = '?'")).unwrap_err();
    let listed = error.split_once("one of ").map(|(_, names)| names.split(", ").collect::<Vec<_>>());
    if listed.is_some_and(|listed| listed != names) {
        return Err(error);
    }
    for name in &names {
        // Some need a second key, which they say.
        let outcome = file.set(&format!("{key} = {}", value(name)));
        let is_default = outcome == Ok(true);
        if is_default != default.contains(name) || outcome.is_err_and(|error| !error.contains("needs ")) {
            return Err(format!("in a file, {name} is something else"));
        }
    }
    Ok(())
}

fn classes_are_right(row: &Row, set: fn(ClassSet) -> Tried, file: InFile, key: &str) -> Result<(), String> {
    let list = format!("{:?}", quoted(row["default"]));
    let policy: Policy = toml::from_str(&format!("retry_on = {list}")).map_err(|error| error.to_string())?;
    let default = policy.settings().retry_on;
    let none_is_default = Ok(default == ClassSet::NONE);
    if set(default) != Ok(true) || set(ClassSet::ALL) != Ok(false) || set(ClassSet::NONE) != none_is_default {
        return Err(format!("the default is not {default}"));
    }
    match file {
        InFile::Nowhere => Ok(()),
        _ if file.set(&format!("{key} = {list}")) == Ok(true) => Ok(()),
        _ => Err(format!("the default of a file is not {default}")),
    }
}

#[test]
fn ranges_and_defaults_are_those_of_the_code() {
    let sections = sections();
    let mut problems = Vec::new();
    for (title, name, key, set, file) in SETTINGS {
        let rows = &sections[title];
        let row = rows.iter().find(|row| is_row(row, name, key));
        let row = row.unwrap_or_else(|| panic!("{title} has no row {name}, {key}"));
        // Another setting in a range stands for its default, and `N` for the window of `SharedCircuit::new`.
        let value_of = |cell: &'static str| {
            let mut cell = cell;
            while let [other] = quoted(cell)[..] {
                let is_other =
                    |row: &&Row| row.get("key") == Some(&cell) || quoted(row["in code"]) == [other];
                cell = match rows.iter().find(is_other) {
                    _ if other == "N" => "100",
                    Some(row) => row["default"],
                    None => panic!("{title}, {name}: {other} is no setting"),
                };
            }
            cell
        };
        let numbers =
            |kind, set: &dyn Fn(Value) -> Tried| numbers_are_right(row, value_of, *file, key, kind, set);
        let tried = match set {
            Set::Name(set, of) => names_are_right(row, *set, *of, *file, key),
            Set::Classes(set) => classes_are_right(row, *set, *file, key),
            Set::Count(set) => numbers(whole(u32::MAX.into()), &|it| set(it.count())),
            Set::Percent(set) => numbers(whole(u8::MAX.into()), &|it| set(it.percent())),
            Set::Size(set) => numbers(whole(u64::MAX), &|it| set(it.size())),
            Set::Time(set) => numbers(TIME, &|it| set(it.time())),
            Set::Number(set, step) => numbers(float(*step), &|it| set(it.number())),
        };
        problems.extend(tried.err().map(|problem| format!("{title}, {name}, {key}: {problem}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_row_with_a_range_is_tried() {
    for (title, rows) in sections() {
        for row in rows.iter().filter(|row| row.contains_key("range")) {
            let (range, of) = (row["range"], row["type"]);
            let is_number = range.starts_with(|it: char| it.is_ascii_digit()) || range.starts_with("above");
            let is_tried =
                SETTINGS.iter().any(|(section, name, key, ..)| *section == title && is_row(row, name, key));
            if !of.starts_with("const") && (is_number || range == "any" || of == "name" || of == "`bool`") {
                assert!(is_tried, "{title}: {row:?}");
            }
        }
    }
}

#[test]
fn what_a_type_says_is_on_the_page() {
    const fn shards<const S: usize>(_: &OperationMetrics<S>) -> usize {
        S
    }
    const fn operations<const O: usize>(_: &Metrics<O>) -> usize {
        O
    }
    const fn exported<const O: usize>(_: &MetricsFacade<O>) -> usize {
        O
    }
    let rows = &sections()["Metrics, logs and records"];
    let default = |name: &str| rows.iter().find(|row| is_row(row, name, "-")).unwrap()["default"];
    assert_eq!(default("OperationMetrics::sharded"), shards(&OperationMetrics::new("stock")).to_string());
    assert_eq!(default("Metrics::sized"), operations(&Metrics::new()).to_string());
    assert_eq!(default("Metrics::sized"), exported(&MetricsFacade::new()).to_string());

    // "up to 8 pairs", "names up to 64 bytes, values up to 128"
    let tagged = |count: usize, name: usize, value: usize| {
        let pair = |it: usize| (format!("{}{it}", "n".repeat(name - 1)), "v".repeat(value));
        Metrics::<1>::sized().try_tags((0..count).map(pair)).is_ok()
    };
    let row = rows.iter().find(|row| is_row(row, "tags", "-")).unwrap();
    assert!(
        row["range"].starts_with("up to 8 pairs")
            && row["what it sets"].ends_with("names up to 64 bytes, values up to 128")
    );
    assert!(tagged(8, 64, 128) && !tagged(9, 64, 128) && !tagged(8, 65, 128) && !tagged(8, 64, 129));

    // The first argument of `probe_rate` is `probes`.
    assert!(CircuitConfig::DEFAULT.try_probe_rate(0, 50).is_err());

    let preset = Preset::new("stock", Policy::DEFAULT);
    assert_eq!((preset.circuit, preset.dead_letter), (Some(CircuitConfig::DEFAULT), false));
    let without_rules = CircuitConfig::WITHOUT_RULES.settings();
    assert_eq!(without_rules.minimum_calls, 1); // "and a `minimum_calls` of 1"
    assert_eq!(
        CircuitConfig::WITHOUT_RULES.consecutive_failures(20).failure_rate(50).minimum_calls(20),
        CircuitConfig::DEFAULT
    );
}

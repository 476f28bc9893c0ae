//! Typed access to a case.
//!
//! What is missing or of another type is a failure that names it. So is a key that nobody asked for: it may be the
//! one that matters.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::outcome::Outcome;

/// What a step of a replay came to; `Err` where the replay cannot go on.
pub(crate) type Replayed<T = Outcome> = Result<T, Outcome>;

/// Replays one case, and fails if a key of it was not asked for, unless a rule of ours ended the replay before that.
pub(crate) fn replay(case: &Value, play: impl FnOnce(&Fields<'_>) -> Replayed) -> Outcome {
    let unasked = Unasked::default();
    let outcome = Fields::new(String::new(), case, &unasked).and_then(|case| {
        case.announce();
        case.comments(&["id", "source_test", "note"]);
        play(&case)
    });
    let outcome = match outcome {
        Err(declared @ Outcome::Declared(_)) => return declared,
        Ok(outcome) | Err(outcome) => outcome,
    };
    let unasked = unasked.take();
    outcome.and(Outcome::check(unasked.is_empty(), || format!("unknown keys: {unasked:?}")))
}

/// The failure of a case that cannot be replayed.
pub(crate) fn fail<T>(why: impl Into<String>) -> Replayed<T> {
    Err(Outcome::Fail(why.into()))
}

/// The keys that nobody asked for yet, by their paths.
type Unasked = Rc<RefCell<BTreeSet<String>>>;

/// An object of a case.
pub(crate) struct Fields<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
    unasked: Unasked,
}

impl<'a> Fields<'a> {
    fn new(path: String, value: &'a Value, unasked: &Unasked) -> Replayed<Self> {
        let fields = Self { path, object: value.as_object(), unasked: Rc::clone(unasked) };
        if fields.object.is_none() && !value.is_null() {
            return fail(format!("{} = {value}: not an object", fields.path));
        }
        Ok(fields)
    }

    /// From now on, each of the keys is to be asked for.
    fn announce(&self) {
        let keys = self.object.into_iter().flat_map(Map::keys);
        self.unasked.borrow_mut().extend(keys.map(|key| self.path(key)));
    }

    /// These keys explain, and change nothing.
    pub(crate) fn comments(&self, keys: &[&str]) {
        for key in keys {
            self.ask(key);
        }
    }

    /// Whether the key is there, be it `null`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.object.is_some_and(|object| object.contains_key(key))
    }

    /// All keys, which are not asked for by that.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.object.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// The value of a key that is there and not `null`.
    pub(crate) fn find<T: Typed<'a>>(&self, key: &str) -> Replayed<Option<T>> {
        match self.ask(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match T::typed(value) {
                Some(typed) => Ok(Some(typed)),
                None => fail(format!("{} = {value}: not {}", self.path(key), T::WHAT)),
            },
        }
    }

    /// The value of a key.
    pub(crate) fn get<T: Typed<'a>>(&self, key: &str) -> Replayed<T> {
        match self.find(key)? {
            Some(typed) => Ok(typed),
            None => fail(format!("{} is missing", self.path(key))),
        }
    }

    /// The object of a key; without any keys where there is none.
    pub(crate) fn fields(&self, key: &str) -> Replayed<Self> {
        let is_first = self.unasked.borrow().contains(&self.path(key));
        let value = self.ask(key).unwrap_or(&Value::Null);
        let fields = Self::new(self.path(key), value, &self.unasked)?;
        if is_first {
            fields.announce();
        }
        Ok(fields)
    }

    /// The objects in the list of a key, which is asked for once.
    pub(crate) fn list(&self, key: &str) -> Replayed<Vec<Self>> {
        let list: &[Value] = self.get(key)?;
        let path = self.path(key);
        let objects = list.iter().enumerate().map(|(i, value)| {
            let fields = Self::new(format!("{path}[{i}]"), value, &self.unasked)?;
            fields.announce();
            Ok(fields)
        });
        objects.collect()
    }

    fn ask(&self, key: &str) -> Option<&'a Value> {
        self.unasked.borrow_mut().remove(&self.path(key));
        self.object?.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// What a value can be read as.
pub(crate) trait Typed<'a>: Sized {
    const WHAT: &'static str;

    fn typed(value: &'a Value) -> Option<Self>;
}

/// A duration that is written in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Ms(pub(crate) Duration);

/// A duration that is written in seconds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Secs(pub(crate) Duration);

macro_rules! typed {
    ($($type:ty: $what:literal, |$value:ident| $typed:expr;)*) => { $(
        impl<'a> Typed<'a> for $type {
            const WHAT: &'static str = $what;

            fn typed($value: &'a Value) -> Option<Self> {
                $typed
            }
        }
    )* };
}

typed! {
    &'a Value: "a value", |value| Some(value);
    &'a str: "a text", |value| value.as_str();
    &'a [Value]: "a list", |value| value.as_array().map(Vec::as_slice);
    bool: "true or false", |value| value.as_bool();
    f64: "a number", |value| value.as_f64();
    u64: "a whole number of 64 bits", |value| value.as_u64();
    u32: "a whole number of 32 bits", |value| value.as_u64()?.try_into().ok();
    Ms: "a number of milliseconds", |value| match value.as_u64() {
        Some(ms) => Some(Self(Duration::from_millis(ms))),
        None => saturating(value.as_f64()? / 1e3).map(Self),
    };
    Secs: "a number of seconds", |value| match value.as_u64() {
        Some(secs) => Some(Self(Duration::from_secs(secs))),
        None => saturating(value.as_f64()?).map(Self),
    };
}

/// This many seconds, or the longest duration if they are more; `None` for a negative number.
fn saturating(secs: f64) -> Option<Duration> {
    let too_long = secs >= Duration::MAX.as_secs_f64();
    if too_long { Some(Duration::MAX) } else { Duration::try_from_secs_f64(secs).ok() }
}

impl<'a, T: Typed<'a>> Typed<'a> for Vec<T> {
    const WHAT: &'static str = T::WHAT;

    fn typed(value: &'a Value) -> Option<Self> {
        value.as_array()?.iter().map(T::typed).collect()
    }
}

//! The error for an invalid value of a configuration.

use core::fmt;
use core::time::Duration;

/// The error for an invalid value of a configuration: it names the field, the value and the rule that it breaks.
///
/// The `try_` form of a setter returns it. The plain form panics with the same line. In a `const`, that is a compile
/// error.
///
/// ```
/// use retry_core::Policy;
/// use core::time::Duration;
///
/// let error = Policy::exponential(Duration::from_millis(100)).try_max_attempts(0).unwrap_err();
/// assert_eq!(error.field(), "max_attempts");
/// assert_eq!(error.to_string(), "max_attempts = 0: must be at least 1");
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct ConfigError {
    field: &'static str,
    value: Value,
    rule: &'static str,
    limit: Option<(Value, &'static str)>,
}

/// An invalid value, or the limit that it breaks.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Duration(Duration),
    Float(f64),
    /// Only its beginning is shown, in quotes, with `?` for everything except printable ASCII.
    #[allow(dead_code)] // only names of metrics are text
    Text(&'static str),
}

impl ConfigError {
    /// Returns the name of the field, which is also that of its setter.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Makes an error that reads `field = value: rule`.
    pub(crate) const fn new(field: &'static str, value: Value, rule: &'static str) -> Self {
        Self { field, value, rule, limit: None }
    }

    /// Adds a limit, so that the error reads `field = value: rule limit, what`.
    pub(crate) const fn limit(self, limit: Value, what: &'static str) -> Self {
        Self { limit: Some((limit, what)), ..self }
    }

    /// Replaces the name of the field.
    #[cfg(feature = "serde")]
    pub(crate) const fn named(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    const fn line(&self) -> Line {
        let line = Line::EMPTY.text(self.field).text(" = ").value(self.value).text(": ").text(self.rule);
        match self.limit {
            Some((limit, what)) => line.text(" ").value(limit).text(", ").text(what),
            None => line,
        }
    }

    /// Panics with the line of the error. In a `const`, that is a compile error.
    #[track_caller]
    pub(crate) const fn panic(&self) -> ! {
        panic!("{}", self.line().as_str())
    }
}

/// Unwraps the result of a `try_` setter, or panics with the line of the error.
macro_rules! ok_or_panic {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => error.panic(),
        }
    };
}
pub(crate) use ok_or_panic;

/// Makes both forms of each setter that checks its value: the plain one, which panics, and the `try_` one. Without a
/// `self`, it makes constructors.
macro_rules! checked_setters {
    (@forms [$($docs:tt)+] $errors:literal $name:ident $try_name:ident $parameters:tt $try:expr, $body:block) => {
        $($docs)+
        ///
        /// # Panics
        #[doc = concat!("Panics if ", $errors)]
        #[must_use]
        #[track_caller]
        pub const fn $name $parameters -> Self {
            $crate::config_error::ok_or_panic!($try)
        }

        #[doc = concat!(
            "Does the same as [`", stringify!($name), "`](Self::", stringify!($name), "), for a value known only at run time.",
        )]
        ///
        /// # Errors
        #[doc = concat!("Returns an error if ", $errors)]
        pub const fn $try_name $parameters -> Result<Self, $crate::config_error::ConfigError> $body
    };
    ($(
        $(#[doc $($doc:tt)+])+
        #[fails_if($errors:literal)]
        $name:ident, $try_name:ident ($self:ident $(, $argument:ident: $type:ty)+) $body:block
    )+) => {$(
        $crate::config_error::checked_setters! {
            @forms [$(#[doc $($doc)+])+] $errors $name $try_name ($self $(, $argument: $type)+)
            $self.$try_name($($argument),+), $body
        }
    )+};
    ($(
        $(#[doc $($doc:tt)+])+
        #[fails_if($errors:literal)]
        $name:ident, $try_name:ident ($($argument:ident: $type:ty),+) $body:block
    )+) => {$(
        $crate::config_error::checked_setters! {
            @forms [$(#[doc $($doc)+])+] $errors $name $try_name ($($argument: $type),+)
            Self::$try_name($($argument),+), $body
        }
    )+};
}
pub(crate) use checked_setters;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.line().as_str())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ConfigError {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.line().as_str());
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigError").field(&self.line().as_str()).finish()
    }
}

impl core::error::Error for ConfigError {}

/// A line of text that is made in a `const fn`, in which `format_args` is not allowed.
///
/// A text that is too long is cut. All lines of this crate fit.
pub(crate) struct Line {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl Line {
    const CAPACITY: usize = 160;

    pub(crate) const EMPTY: Self = Self { bytes: [0; Self::CAPACITY], len: 0 };

    pub(crate) const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => unreachable!(), // only whole ASCII strings are added
        }
    }

    pub(crate) const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < Self::CAPACITY {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn value(self, value: Value) -> Self {
        match value {
            Value::Count(count) => self.number(count),
            Value::Duration(duration) => self.duration(duration),
            Value::Float(float) => self.float(float),
            Value::Text(text) => self.quoted(text),
        }
    }

    pub(crate) const fn quoted(self, text: &str) -> Self {
        const MOST: usize = 24;
        let mut line = self.text("\"");
        let mut i = 0;
        while i < text.len() && i < MOST && line.len < Self::CAPACITY {
            let byte = text.as_bytes()[i];
            line.bytes[line.len] = if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'?' };
            line.len += 1;
            i += 1;
        }
        line.text(if text.len() > MOST { "..\"" } else { "\"" })
    }

    const fn number(self, value: u64) -> Self {
        let line = if value >= 10 { self.number(value / 10) } else { self };
        line.text(DIGITS.split_at((value % 10) as usize).1.split_at(1).0)
    }

    /// Adds a duration in the largest unit in which it is whole: `250 ms`, `30 s`, `1500 us`.
    const fn duration(self, value: Duration) -> Self {
        let sub = value.subsec_nanos() as u64;
        if sub == 0 {
            return self.number(value.as_secs()).text(" s");
        }
        let (per_sec, nanos_each, unit) = match sub {
            _ if sub.is_multiple_of(1_000_000) => (1_000, 1_000_000, " ms"),
            _ if sub.is_multiple_of(1_000) => (1_000_000, 1_000, " us"),
            _ => (1_000_000_000, 1, " ns"),
        };
        self.number(value.as_secs().saturating_mul(per_sec).saturating_add(sub / nanos_each)).text(unit)
    }

    /// Adds a number with up to six decimals, and leaves out trailing zeros. A fraction is never rounded up to a whole
    /// number. From 2^44 on, the text is `huge`.
    const fn float(self, value: f64) -> Self {
        if value.is_nan() {
            return self.text("NaN");
        }
        let line = if value.is_sign_negative() { self.text("-") } else { self };
        let bits = value.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as u32;
        if exponent == 0x7ff {
            return line.text("inf");
        }
        if exponent >= 1023 + 44 {
            return line.text("huge");
        }
        // The value is significand * 2^-shift, and below 2^44 the shift is above 8.
        let significand = (bits & ((1 << 52) - 1)) | (1 << 52);
        let shift = 1075 - exponent;
        if shift > 100 {
            return line.text("0");
        }
        let (whole, fraction) = match shift {
            0..64 => (significand >> shift, significand & ((1 << shift) - 1)),
            _ => (0, significand),
        };
        // 40 bits of the fraction are enough for six decimals.
        let (fraction, shift) = if shift > 40 { (fraction >> (shift - 40), 40) } else { (fraction, shift) };
        let rounded = (fraction * 1_000_000 + (1 << (shift - 1))) >> shift;
        // A number below 1 must not be shown as 1.
        let mut fraction = if rounded > 999_999 { 999_999 } else { rounded };
        let mut line = line.number(whole);
        if fraction > 0 {
            line = line.text(".");
            let mut unit = 100_000;
            while fraction > 0 {
                line = line.number(fraction / unit);
                fraction %= unit;
                unit /= 10;
            }
        }
        line
    }
}

const DIGITS: &str = "0123456789";

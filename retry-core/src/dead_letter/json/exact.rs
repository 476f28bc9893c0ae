//! Checks that a letter is read back as it was written.

use core::fmt;
use std::collections::BTreeSet;
use std::string::String;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Reads a line, as any reader that keeps values in memory does.
///
/// # Errors
/// Returns an error if the line is nested too deeply for serde_json, holds the same name twice in an object, half of a
/// surrogate pair in a text, or a number beyond the range of `f64`. Only raw JSON can hold the last two.
pub(super) fn check(line: &[u8]) -> serde_json::Result<()> {
    serde_json::from_slice(line).map(|Read| ())
}

struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

macro_rules! plain {
    ($($visit:ident $of:ty;)*) => { $(
        fn $visit<E>(self, _: $of) -> Result<Read, E> {
            Ok(Read)
        }
    )* };
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    plain! { visit_bool bool; visit_i64 i64; visit_u64 u64; visit_f64 f64; visit_str &str; }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
        while let Some(Read) = items.next_element()? {}
        Ok(Read)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Read, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<Read>()?;
            if !names.insert(name) {
                return Err(A::Error::custom("an object has the same name twice"));
            }
        }
        Ok(Read)
    }
}

/// A value that is refused if JSON would change it: `NaN` and infinities become `null`, and so does `Some(None)`, which
/// is read back as `None`.
pub(super) struct Exact<'a, T: ?Sized> {
    value: &'a T,
    in_some: bool,
    depth: u8,
}

impl<'a, T: ?Sized> Exact<'a, T> {
    pub(super) const fn new(value: &'a T) -> Self {
        Self { value, in_some: false, depth: 0 }
    }
}

/// Deeper values are refused by [`check`], too. This limit saves the stack.
const DEEPEST: u8 = 200;

impl<T: Serialize + ?Sized> Serialize for Exact<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > DEEPEST {
            return Err(S::Error::custom("recursion limit exceeded"));
        }
        self.value.serialize(Checked { serializer, in_some: self.in_some, depth: self.depth })
    }
}

struct Checked<S> {
    serializer: S,
    in_some: bool,
    depth: u8,
}

impl<S: Serializer> Checked<S> {
    const fn inner<'a, T: ?Sized>(&self, value: &'a T, in_some: bool) -> Exact<'a, T> {
        Exact { value, in_some, depth: self.depth + 1 }
    }

    /// Returns the serializer for `null`.
    fn null(self) -> Result<S, S::Error> {
        match self.in_some {
            true => Err(S::Error::custom("a `Some` without a value would be read back as `None`")),
            false => Ok(self.serializer),
        }
    }
}

macro_rules! forward {
    ($($serialize:ident $of:ty;)*) => { $(
        fn $serialize(self, value: $of) -> Result<S::Ok, S::Error> {
            self.serializer.$serialize(value)
        }
    )* };
}

macro_rules! finite {
    ($($serialize:ident $of:ty;)*) => { $(
        fn $serialize(self, value: $of) -> Result<S::Ok, S::Error> {
            match value.is_finite() {
                true => self.serializer.$serialize(value),
                false => Err(S::Error::custom(format_args!("{value} is not a number of JSON"))),
            }
        }
    )* };
}

type Name = &'static str;

impl<S: Serializer> Serializer for Checked<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<S::SerializeSeq>;
    type SerializeTuple = Parts<S::SerializeTuple>;
    type SerializeTupleStruct = Parts<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<S::SerializeTupleVariant>;
    type SerializeMap = Parts<S::SerializeMap>;
    type SerializeStruct = Parts<S::SerializeStruct>;
    type SerializeStructVariant = Parts<S::SerializeStructVariant>;

    finite! { serialize_f32 f32; serialize_f64 f64; }
    forward! {
        serialize_bool bool; serialize_char char; serialize_str &str; serialize_bytes &[u8];
        serialize_i8 i8; serialize_i16 i16; serialize_i32 i32; serialize_i64 i64; serialize_i128 i128;
        serialize_u8 u8; serialize_u16 u16; serialize_u32 u32; serialize_u64 u64; serialize_u128 u128;
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.null()?.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.inner(value, true);
        self.serializer.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.null()?.serialize_unit()
    }

    fn serialize_unit_struct(self, name: Name) -> Result<S::Ok, S::Error> {
        self.null()?.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(self, name: Name, index: u32, variant: Name) -> Result<S::Ok, S::Error> {
        self.serializer.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: Name,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.inner(value, self.in_some);
        self.serializer.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: Name,
        index: u32,
        variant: Name,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.inner(value, false);
        self.serializer.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.serializer.serialize_seq(length).map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.serializer.serialize_tuple(length).map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_tuple_struct(
        self,
        name: Name,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.serializer
            .serialize_tuple_struct(name, length)
            .map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_tuple_variant(
        self,
        name: Name,
        index: u32,
        variant: Name,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.serializer
            .serialize_tuple_variant(name, index, variant, length)
            .map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.serializer.serialize_map(length).map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_struct(self, name: Name, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.serializer.serialize_struct(name, length).map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn serialize_struct_variant(
        self,
        name: Name,
        index: u32,
        variant: Name,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.serializer
            .serialize_struct_variant(name, index, variant, length)
            .map(|parts| Parts { parts, depth: self.depth + 1 })
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.serializer.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.serializer.is_human_readable()
    }
}

/// The parts of a list or an object, each of which is checked.
struct Parts<S> {
    parts: S,
    depth: u8,
}

impl<S> Parts<S> {
    const fn part<'a, T: ?Sized>(&self, value: &'a T) -> Exact<'a, T> {
        Exact { value, in_some: false, depth: self.depth }
    }
}

macro_rules! parts {
    ($($parts:ident $serialize:ident $($name:ident)?;)*) => { $(
        impl<S: $parts> $parts for Parts<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $serialize<T: Serialize + ?Sized>(&mut self, $($name: Name,)? value: &T) -> Result<(), S::Error> {
                let value = self.part(value);
                self.parts.$serialize($($name,)? &value)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.parts.end()
            }
        }
    )* };
}
parts! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
    SerializeStruct serialize_field name;
    SerializeStructVariant serialize_field name;
}

impl<S: SerializeMap> SerializeMap for Parts<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    // Only text, numbers and names of variants may be a key, and no other key is changed.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.parts.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = self.part(value);
        self.parts.serialize_value(&value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.parts.end()
    }
}

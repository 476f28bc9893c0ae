//! The classes of the error codes of operating systems, protocols and services.
//!
//! Each file holds one table with its source. Every function returns `None` for a success, and for a code that its
//! table leaves out. A code that its own source calls a catch-all is [`Unknown`](crate::Class::Unknown).
//!
//! Most tables also know the names of their codes, because a text may hold the name instead of the number.
//! [`Messages`](crate::classify::Messages) reads both.

/// Returns the class of the row with this code. It is a macro, because a `const fn` cannot compare generic numbers.
macro_rules! class_of {
    ($rows:expr, $code:expr) => {{
        let mut i = 0;
        loop {
            if i == $rows.len() {
                break None;
            }
            if $rows[i].0 == $code {
                break Some($rows[i].2);
            }
            i += 1;
        }
    }};
}

pub(super) mod aws;
pub(super) mod curl;
mod embedded_io;
pub(super) mod grpc;
pub(super) mod kafka;
pub(super) mod mongodb;
pub(super) mod mqtt;
pub(super) mod mysql;
pub(super) mod os;
pub(super) mod redis;
pub(super) mod resolver;
pub(super) mod sqlite;
pub(super) mod sqlstate;

use crate::class::Class;

/// A code, its name in `SCREAMING_SNAKE_CASE`, and its class.
type Row<T> = (T, &'static str, Class);

/// Returns the class of the row with this name. Case and underscores are ignored, so `ScreamingSnakeCase` also finds
/// it.
fn named<T>(rows: &[Row<T>], name: &str) -> Option<Class> {
    rows.iter().find(|(_, row, _)| is_same_name(row, name)).map(|(_, _, class)| *class)
}

/// Compares names. Case and underscores are ignored.
fn is_same_name(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

/// Returns the class of the row with this name, if the name has several words. One word could be any word of a text.
fn named_in_several_words<T>(rows: &[Row<T>], name: &str) -> Option<Class> {
    let mut rows = rows.iter().filter(|(_, row, _)| row.contains('_'));
    rows.find(|(_, row, _)| is_same_name(row, name)).map(|(_, _, class)| *class)
}

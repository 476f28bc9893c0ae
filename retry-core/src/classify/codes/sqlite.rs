//! Result codes of SQLite.

use super::Row;
use crate::class::Class;

/// The extended codes that differ from their primary code come first.
const CODES: &[Row<i32>] = &[
    (275, "SQLITE_CONSTRAINT_CHECK", Class::Validation),
    (1299, "SQLITE_CONSTRAINT_NOTNULL", Class::Validation),
    (3091, "SQLITE_CONSTRAINT_DATATYPE", Class::Validation),
    (3082, "SQLITE_IOERR_NOMEM", Class::Transient),
    (3850, "SQLITE_IOERR_LOCK", Class::Transient),
    (513, "SQLITE_ERROR_RETRY", Class::Transient),
    (2, "SQLITE_INTERNAL", Class::Permanent),
    (3, "SQLITE_PERM", Class::Client),
    (4, "SQLITE_ABORT", Class::Transient),
    (5, "SQLITE_BUSY", Class::Transient),
    (6, "SQLITE_LOCKED", Class::Transient),
    (7, "SQLITE_NOMEM", Class::Transient),
    (8, "SQLITE_READONLY", Class::Permanent),
    (9, "SQLITE_INTERRUPT", Class::Transient),
    (10, "SQLITE_IOERR", Class::Unknown),
    (11, "SQLITE_CORRUPT", Class::Permanent),
    (12, "SQLITE_NOTFOUND", Class::NotFound),
    (13, "SQLITE_FULL", Class::Permanent),
    (14, "SQLITE_CANTOPEN", Class::Permanent),
    (15, "SQLITE_PROTOCOL", Class::Transient),
    (17, "SQLITE_SCHEMA", Class::Transient),
    (18, "SQLITE_TOOBIG", Class::Validation),
    (19, "SQLITE_CONSTRAINT", Class::Client),
    (20, "SQLITE_MISMATCH", Class::Validation),
    (21, "SQLITE_MISUSE", Class::Permanent),
    (22, "SQLITE_NOLFS", Class::Permanent),
    (23, "SQLITE_AUTH", Class::Client),
    (24, "SQLITE_FORMAT", Class::Permanent),
    (25, "SQLITE_RANGE", Class::Validation),
    (26, "SQLITE_NOTADB", Class::Permanent),
    (1, "SQLITE_ERROR", Class::Unknown),
];

impl Class {
    /// Returns the class of a result code of SQLite. Returns `None` for `SQLITE_OK`, `SQLITE_ROW`, `SQLITE_DONE` and
    /// for notices.
    ///
    /// Extended codes, such as 517, have the class of their primary code, which is the lowest byte, unless they are
    /// listed.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Transient` | 5 `BUSY`, 6 `LOCKED`, 4 `ABORT`, 7 `NOMEM`, 9 `INTERRUPT`, 15 `PROTOCOL` (a locking race), 17 `SCHEMA`, 513 `ERROR_RETRY`, 3082 `IOERR_NOMEM`, 3850 `IOERR_LOCK` |
    /// | `Client` | 3 `PERM`, 19 `CONSTRAINT`, 23 `AUTH` |
    /// | `Validation` | 18 `TOOBIG`, 20 `MISMATCH`, 25 `RANGE`, 275 `CONSTRAINT_CHECK`, 1299 `CONSTRAINT_NOTNULL`, 3091 `CONSTRAINT_DATATYPE` |
    /// | `NotFound` | 12 `NOTFOUND` |
    /// | `Permanent` | 8 `READONLY`, 13 `FULL`, 14 `CANTOPEN`, 11 `CORRUPT`, 26 `NOTADB`, 2 `INTERNAL`, 21 `MISUSE`, 22 `NOLFS`, 24 `FORMAT` |
    /// | `Unknown` | 1 `ERROR`, 10 `IOERR` |
    ///
    /// Source: SQLite's [result codes].
    ///
    /// [result codes]: https://www.sqlite.org/rescode.html
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_sqlite_code(5), Some(Class::Transient));
    /// assert_eq!(Class::of_sqlite_code(517), Some(Class::Transient)); // SQLITE_BUSY_SNAPSHOT
    /// assert_eq!(Class::of_sqlite_code(0), None);
    /// ```
    pub const fn of_sqlite_code(code: i32) -> Option<Self> {
        let mut i = 0;
        while i < CODES.len() {
            let row = CODES[i].0;
            if row == code || row < 256 && row == code & 0xFF && code > 0 {
                return Some(CODES[i].2);
            }
            i += 1;
        }
        None
    }
}

/// Returns the class of a code by its name, such as `SQLITE_BUSY` or `SQLITE_BUSY_SNAPSHOT`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    let is_it = |row: &str| match name.strip_prefix(row) {
        Some(rest) => rest.is_empty() || rest.starts_with('_'),
        None => false,
    };
    CODES.iter().find(|row| is_it(row.1)).map(|row| row.2)
}

//! The classes of SQLite's errors.

use retry_core::{Class, Failure};
use rusqlite::{Error, ffi};

/// Returns the class of an error, by SQLite's extended result code.
pub(crate) fn failure(error: &Error) -> Failure {
    let class = match (error, code(error)) {
        (Error::QueryReturnedNoRows, _) => Class::NotFound,
        // SQLite's general code. From a database of this program's own, it is a mistake, such as a table that is missing.
        (_, Some(ffi::SQLITE_ERROR)) => Class::Permanent,
        (_, Some(code)) => Class::of_sqlite_code(code).unwrap_or(Class::Unknown),
        // An error of the driver: a mistake in a statement, or a value of another type.
        (_, None) => Class::Permanent,
    };
    class.into()
}

/// Returns the extended result code, such as 517 for `SQLITE_BUSY_SNAPSHOT`.
pub(crate) fn code(error: &Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn the_extended_code_decides() {
        let rows = [
            (ffi::SQLITE_BUSY, Class::Transient),
            (ffi::SQLITE_BUSY_SNAPSHOT, Class::Transient),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Class::Client),
            (ffi::SQLITE_CONSTRAINT_CHECK, Class::Validation),
            (ffi::SQLITE_FULL, Class::Permanent),
        ];
        for (code, class) in rows {
            assert_eq!(failure(&Error::SqliteFailure(ffi::Error::new(code), None)).class, class, "{code}");
        }
        assert_eq!(failure(&Error::QueryReturnedNoRows).class, Class::NotFound);
    }

    #[test]
    fn a_mistake_in_the_program_is_permanent() {
        let memory = Connection::open_in_memory().unwrap();
        for statement in ["SELEKT 1", "SELECT 1 FROM nosuch", "SELECT 'one'"] {
            let error = memory.query_row(statement, [], |row| row.get::<_, i64>(0)).unwrap_err();
            assert_eq!(failure(&error).class, Class::Permanent, "{error:?}");
        }
    }
}

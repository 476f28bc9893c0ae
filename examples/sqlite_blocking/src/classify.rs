//! The classes of SQLite's errors.

use retry_core::{Class, Failure};
use rusqlite::Error;

/// Returns the class of an error, by SQLite's extended result code.
pub(crate) fn failure(error: &Error) -> Failure {
    match error {
        Error::QueryReturnedNoRows => Class::NotFound.into(),
        // An error without a result code comes from the program: a mistake in a statement, or a value of another type.
        _ => code(error).and_then(Class::of_sqlite_code).unwrap_or(Class::Permanent).into(),
    }
}

/// Returns the extended result code, such as 517 for `SQLITE_BUSY_SNAPSHOT`.
pub(crate) fn code(error: &Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, ffi};

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

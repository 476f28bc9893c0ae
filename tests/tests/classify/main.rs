//! The class of an error: by HTTP status, by `io::ErrorKind` and by text. Also the hints of servers.

mod chain;
mod codes;
mod ends;
mod hints;
mod hostile;
mod http;
mod http_types;
mod redis;
mod text;
mod texts;
mod wrappers;

use proptest::prelude::*;
use retry_core::{
    Class,
    classify::{Messages, parse_hint, parse_http_date, parse_retry_after},
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>(), now in any::<u64>()) {
        prop_assert_eq!(Messages::new(&[]).classify(&text), Class::Unknown);
        Messages::DEFAULT.classify(&text);
        parse_retry_after(&text, now);
        parse_hint(&text, now);
        parse_http_date(&text, now);
    }
}

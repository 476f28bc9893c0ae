//! From an error to its class: by HTTP status, by `io::ErrorKind`, by text; and when a server wants to be asked again.

mod codes;
mod http;
mod http_types;
mod text;
mod texts;

use proptest::prelude::*;
use retry_core::{
    Class,
    classify::{Messages, parse_http_date, parse_retry_after},
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), now in any::<u64>()) {
        prop_assert_eq!(Messages::new(&[]).classify(&text), Class::Unknown);
        Messages::DEFAULT.classify(&text);
        parse_retry_after(&text, now);
        parse_http_date(&text, now);
    }
}

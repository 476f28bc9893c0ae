//! An outage: callers share one circuit while a server fails in three ways and recovers.

mod callers;
mod fake;
mod history;
mod script;

pub use callers::{CALLERS, CIRCUIT, POLICY, PROBES, Tally, call_until_stopped};
pub use fake::{Words, on_the_fake_clock};
pub use history::{Delay, History, Message, Outcome, Span, Told};
pub use script::{
    ANSWERS_AFTER, Mode, SCRIPT, SLOW_ANSWERS_AFTER, Step, in_stock, outages, retry_after, script_time,
};

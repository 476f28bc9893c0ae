//! The operations that are measured, with the limit and the goal of each.

use crate::{calls, circuits, watched};

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The goal in instructions, including those of the operation itself. 0 marks a baseline for other operations.
    pub(crate) goal: u32,
    /// The limit in instructions. If it takes more, `run.sh` fails.
    pub(crate) most: u32,
    pub(crate) what: &'static str,
    pub(crate) run: fn(u64),
}

impl Operation {
    /// The least number of instructions. If it takes fewer, `run.sh` fails, because the compiler may have removed what the
    /// row is to measure. If the operation has become that much faster, lower its limit.
    pub(crate) const fn least(&self) -> u32 {
        self.most / 2
    }
}

pub(crate) const ALL: &[Operation] = &[
    Operation {
        name: "call",
        goal: 0,
        most: 12,
        what: "the operation itself, without retry code",
        run: calls::call,
    },
    Operation {
        name: "blocking",
        goal: 20,
        most: 17,
        what: "blocking success, no circuit",
        run: calls::blocking,
    },
    Operation {
        name: "async",
        goal: 60,
        most: 63,
        what: "async success, no circuit",
        run: calls::asynchronous,
    },
    Operation {
        name: "blocking-healthy",
        goal: 60,
        most: 71,
        what: "blocking success, healthy circuit",
        run: circuits::blocking_healthy,
    },
    Operation {
        name: "async-healthy",
        goal: 110,
        most: 114,
        what: "async success, healthy circuit",
        run: circuits::async_healthy,
    },
    Operation {
        name: "letters",
        goal: 25,
        most: 17,
        what: "blocking success, with a dead-letter sink",
        run: calls::letters,
    },
    Operation {
        name: "letters-async",
        goal: 100,
        most: 104,
        what: "async success, with a dead-letter sink",
        run: calls::letters_async,
    },
    Operation {
        name: "letter",
        goal: 0,
        most: 551,
        what: "call that gives up after its first attempt",
        run: calls::given_up,
    },
    Operation {
        name: "letter-kept",
        goal: 700,
        most: 936,
        what: "the same, its dead letter kept in a queue",
        run: calls::letter_kept,
    },
    Operation {
        name: "recorded",
        goal: 700,
        most: 633,
        what: "failed attempt, with a recorder",
        run: calls::recorded,
    },
    Operation {
        name: "failed",
        goal: 60,
        most: 24,
        what: "failed attempt, capped full jitter",
        run: calls::failed,
    },
    Operation {
        name: "delay",
        goal: 45,
        most: 37,
        what: "next delay, capped full jitter",
        run: calls::delay,
    },
    Operation {
        name: "delay-late",
        goal: 45,
        most: 37,
        what: "the same at attempt 1,000,000",
        run: calls::delay_late,
    },
    Operation {
        name: "healthy",
        goal: 20,
        most: 20,
        what: "circuit, closed and healthy, shared",
        run: circuits::health_check_passed,
    },
    Operation {
        name: "busy",
        goal: 60,
        most: 52,
        what: "circuit, closed, 1 % failures, shared",
        run: circuits::busy,
    },
    Operation {
        name: "armed-cancelled",
        goal: 200,
        most: 200,
        what: "circuit, armed, attempt cancelled too early to count, shared",
        run: circuits::armed_cancelled,
    },
    Operation {
        name: "armed",
        goal: 510,
        most: 509,
        what: "the same, and a success that disarms it",
        run: circuits::armed,
    },
    Operation {
        name: "rejected",
        goal: 18,
        most: 17,
        what: "circuit, rejected, shared",
        run: circuits::rejected,
    },
    Operation { name: "loop", goal: 0, most: 3, what: "an empty loop", run: watched::nothing },
    Operation {
        name: "by-hand",
        goal: 3,
        most: 3,
        what: "call by hand that succeeds, no observer",
        run: watched::by_hand,
    },
    Operation {
        name: "by-hand-healthy",
        goal: 60,
        most: 45,
        what: "the same on a healthy circuit, shared",
        run: circuits::by_hand_healthy,
    },
    Operation {
        name: "ends",
        goal: 0,
        most: 1232,
        what: "calls cancelled, given up and rejected, and their circuit opened and closed",
        run: circuits::ends,
    },
    Operation {
        name: "by-hand-none",
        goal: 20,
        most: 7,
        what: "call by hand that succeeds, observer `None` at run time",
        run: watched::by_hand_none,
    },
    Operation {
        name: "log-off",
        goal: 20,
        most: 13,
        what: "the same, LogFacade with logging off",
        run: watched::log_off,
    },
    Operation {
        name: "tracing-off",
        goal: 100,
        most: 75,
        what: "the same, TracingLog with a subscriber that is off",
        run: watched::tracing_off,
    },
    Operation {
        name: "facade-off",
        goal: 350,
        most: 260,
        what: "the same, MetricsFacade without a recorder",
        run: watched::facade_off,
    },
    Operation {
        name: "counted",
        goal: 60,
        most: 13,
        what: "the same, counted by OperationMetrics",
        run: watched::counted,
    },
    Operation {
        name: "counted-by-name",
        goal: 240,
        most: 141,
        what: "the same, counted by Metrics, which looks up the name",
        run: watched::counted_by_name,
    },
    Operation {
        name: "failed-counted",
        goal: 150,
        most: 133,
        what: "failed attempt, counted by OperationMetrics",
        run: watched::failed_counted,
    },
    Operation {
        name: "tower",
        goal: 500,
        most: 449,
        what: "tower success, no circuit, one allocation",
        run: calls::tower,
    },
    Operation {
        name: "pool",
        goal: 450,
        most: 450, // it varies by about 15, because a pool hashes with random keys
        what: "lookup of a host's circuit in a pool",
        run: circuits::pool,
    },
];

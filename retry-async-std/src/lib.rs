//! Will drive `retry-core` on async-std: clock, sleep, cancellation. Nothing here yet.

//! Will drive `retry-core` on embassy: clock, sleep, cancellation, circuits over embassy-sync mutexes. Nothing here yet.

#![no_std]

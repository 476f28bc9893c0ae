//! A function `retry` for builds without the feature `std`, which only shows a compiler message. Without it, rustc
//! would report that the module `retry` is private.

/// A trait without implementations, so that the compiler shows its message.
#[diagnostic::on_unimplemented(
    message = "`retry_core::retry` needs retry-core's feature `std`",
    label = "in Cargo.toml: `retry-core = {{ .., features = [\"std\"] }}`",
    note = "without `std`, `Retry::new(&policy, runtime)` takes a runtime of your own; `retry_embassy::retry` has embassy's"
)]
pub trait NeedsStd {}

/// Always fails to compile.
pub fn retry_without_std<P: NeedsStd>(policy: P) -> P {
    policy
}

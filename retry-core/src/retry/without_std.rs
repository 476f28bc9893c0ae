//! What `retry(..)` says if the feature `std` is missing. rustc would only say that the module `retry` is private.

/// Nothing implements it, so that its message is shown.
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

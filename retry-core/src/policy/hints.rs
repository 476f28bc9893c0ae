//! How a server's hint is taken.

/// How a server's hint is taken, such as `Retry-After`.
#[doc(alias = "retry-after")]
#[doc(alias = "pushback")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Hints {
    /// Never sooner than the hint, and later if the backoff says so. A hint above
    /// [`max_hint`](crate::Policy::max_hint) ends the call: to come back sooner than asked would be worse than not at all.
    #[default]
    Floor,
    /// Exactly the hint, instead of the backoff, as [gRPC's pushback](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback)
    /// wants it. A hint above `max_hint` ends the call.
    Exact,
    /// A floor, but one that is lowered to `max_hint` instead of ending the call, much as the AWS SDKs do: the only
    /// way in which a call comes back sooner than asked.
    Clamp,
}

//! Phrases that decide before any code in the text.

use crate::class::Class;

pub(crate) const BEFORE_CODES: &[(&str, Class)] = &[
    // The texts of this crate's errors, which also show the class of their cause.
    ("gave up after attempt", Class::Exhausted),
    ("ignored an error after attempt", Class::Exhausted),
    ("cancelled after attempt", Class::Exhausted),
    ("cancelled before the first attempt", Class::Exhausted),
    ("rejected after attempt", Class::CircuitOpen),
    ("rejected before the first attempt", Class::CircuitOpen),
    ("circuit is open", Class::CircuitOpen),
    ("circuit is half-open", Class::CircuitOpen),
    ("circuit open", Class::CircuitOpen),
    ("circuit breaker open", Class::CircuitOpen),
    // The texts of other libraries.
    ("circuit breaker still open", Class::CircuitOpen),
    ("circuit is now open", Class::CircuitOpen),
    ("circuited and is open", Class::CircuitOpen),
    ("is open and does not permit further calls", Class::CircuitOpen),
    ("breaker is open", Class::CircuitOpen),
    // Limits of size, which gRPC reports as RESOURCE_EXHAUSTED or OUT_OF_RANGE.
    ("message larger than max", Class::Validation),
    ("message length too large", Class::Validation),
    ("message exceeds maximum size", Class::Validation),
    ("message exceeds the maximum", Class::Validation),
    // Limits of rates, which GitHub and Google report with 403.
    ("rate limit exceeded", Class::RateLimit),
    ("secondary rate limit", Class::RateLimit),
    ("exceeded a rate limit", Class::RateLimit),
    ("abuse detection", Class::RateLimit),
    // tonic reports its own timeout as CANCELLED.
    ("message timeout expired", Class::Timeout),
    ("self timeout expired", Class::Timeout),
    // HTTP/2 ended the connection or the stream, which gRPC reports as INTERNAL or CANCELLED.
    ("enhance your calm", Class::RateLimit),
    ("excessive load generating behavior", Class::RateLimit),
    ("h2 protocol error", Class::Network),
    ("http2 error", Class::Network),
    ("go away", Class::Network),
    ("goaway", Class::Network),
    ("refused stream", Class::Network),
    ("stream error received", Class::Network),
    ("stream error detected", Class::Network),
    ("stream no longer needed", Class::Network),
    ("rst stream", Class::Network),
    // Texts of the resolver, whose numbers are error numbers of the system elsewhere.
    ("no address associated with", Class::Network),
    ("host lookup", Class::Network),
    // Causes of Go and Java, which gRPC reports as UNAVAILABLE.
    ("connect connection refused", Class::Network),
    ("connect exception connection refused", Class::Network),
    ("connect no route to host", Class::Network),
    ("connect network is unreachable", Class::Network),
    ("read connection reset by peer", Class::Network),
    ("write connection reset by peer", Class::Network),
    ("write broken pipe", Class::Network),
    // Apache's client shows numbers of bytes beside it: `(expected: 503; received: 429)`.
    ("premature end", Class::Network),
    // A refused certificate, which gRPC reports as UNAVAILABLE, too.
    ("invalid peer certificate", Class::Permanent),
    ("certificate verify failed", Class::Permanent),
    ("failed to verify certificate", Class::Permanent),
    ("x509 certificate", Class::Permanent),
    ("self signed certificate", Class::Permanent),
    ("unable to verify the first certificate", Class::Permanent),
    // MySQL's 1290 names the option; this one is not about a replica.
    ("secure file priv", Class::Client),
    // A reply code of FTP that is a status of HTTP elsewhere.
    ("login incorrect", Class::Client),
];

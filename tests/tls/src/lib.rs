//! The rows of `docs/http-and-tower.md` on TLS, on real sockets: see `tests/handshake.rs`.

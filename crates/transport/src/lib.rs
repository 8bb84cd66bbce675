//! The one HTTP client: roots, proxies, retries, limits, conditional requests.
//!
//! Everything that Trireme asks another machine over HTTP goes through [`Client`], so that the rules hold everywhere:
//!
//! - Every body has a limit and every wait a deadline (connecting, the answer's head, each chunk of a body).
//! - Only transient failures are retried (refused and broken connections, time-outs, 429, 502, 503, 504, and 500 once
//!   for reads), with jitter, heeding `Retry-After`, within a budget of attempts and time. A certificate that is not
//!   trusted is not transient.
//! - TLS is rustls, with the roots of the system, every file in `/etc/ssl/certs` (where Concourse mounts its own), and
//!   those that the source names.
//! - Proxies come from the source or from `https_proxy`, `http_proxy` and `no_proxy` in either case; those of the
//!   environment are not asked for loopback.
//! - Credentials are never carried to another host by a redirect, and no redirect leads from https to http, or from a network
//!   to this machine.
//! - Every attempt is an event of `tracing` with the target `trireme::request`, its URL redacted ([`log_request`]).
//!
//! An answer that is not 2xx is returned, not an error: its meaning is the caller's. Only when the retry budget ends on
//! a transient status is it a [`TransportError`].

mod answer;
mod client;
mod conditional;
mod download;
mod error;
mod proxy;
mod request;
mod retry;
mod roots;
mod trouble;

pub use answer::{Fetched, Streamed, describe_answer};
pub use client::{Client, Options, log_request};
pub use conditional::{Conditional, Validator};
pub use download::Downloaded;
pub use error::{TransportError, redacted};
pub use proxy::{Proxies, http_proxy, is_loopback, is_reserved};
pub use request::{Body, Request};
pub use retry::Backoff;
pub use roots::system_roots;
pub use trouble::{Trouble, explained, is_lasting};

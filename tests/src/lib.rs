//! End-to-end, contract and real-peer tests.

pub use trireme_peers as peers;

//! End-to-end, contract and real-peer tests.

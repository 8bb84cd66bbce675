//! A whole platform on loopback.
pub mod kubernetes;

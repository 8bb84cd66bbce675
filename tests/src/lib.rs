//! Tests of the tree itself: its architecture, its scripts, its documents.
//!
//! What tests a crate lies with the crate; what starts real servers and tools for them is `trireme-peers`. Here is what
//! no single crate can hold. It links no crate of ours, so that it is built and done in seconds.

pub mod purity;

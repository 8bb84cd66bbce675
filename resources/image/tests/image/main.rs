//! The compiled program against registries: one that answers wrongly, and, with the feature `peers`, real ones.

mod faults;
mod faulty;
#[cfg(feature = "peers")]
mod peers;
mod program;

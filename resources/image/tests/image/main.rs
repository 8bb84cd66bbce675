//! The compiled program against registries: one that answers wrongly, and, with the feature `peers`, real ones.

#[cfg(feature = "peers")]
mod container;
mod faults;
mod faulty;
mod formats;
mod moving;
#[cfg(feature = "peers")]
mod peers;
mod program;
mod registry;
mod secrets;
mod stopped;
mod versions;

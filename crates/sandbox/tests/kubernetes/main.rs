//! The embedded Kubernetes API, through a real client.

mod access;
mod eviction;
mod lifecycle;
mod survival;
mod world;
mod writes;

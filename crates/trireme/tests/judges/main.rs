//! The judges of the real road, before they judge it: each objects to what it has to object to.

#[path = "../real/judge/mod.rs"]
mod judge;

mod audit;
mod observer;
mod prober;

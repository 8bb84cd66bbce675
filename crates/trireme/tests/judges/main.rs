//! The judges of the real road, before they judge it: each objects to what it has to object to.

#[path = "../real/judge/mod.rs"]
mod judge;

mod acts;
mod audit;
mod clock;
mod observer;
mod prober;

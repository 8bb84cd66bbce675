//! What [`trireme_blueprint::next_actions`], the plan and the preflight promise.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod attempts;
mod health;
mod ids;
mod images;
mod objects;
mod preflight;
mod reordering;
mod roll;
mod world;

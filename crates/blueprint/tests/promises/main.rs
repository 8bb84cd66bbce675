//! What [`trireme_blueprint::next_actions`], the plan and the preflight promise.

mod attempts;
mod health;
mod ids;
mod images;
mod preflight;
mod reordering;
mod roll;
mod world;

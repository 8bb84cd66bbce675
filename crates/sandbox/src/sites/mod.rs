//! The web sites that a pipeline reads: the release server and the advisory database.

pub mod advisories;
pub mod releases;
mod site;

pub use site::Site;

//! The developer program.
fn main() {}

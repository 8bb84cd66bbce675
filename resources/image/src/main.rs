//! The program `trireme-image`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_protocol::main(trireme_image::Image)
}

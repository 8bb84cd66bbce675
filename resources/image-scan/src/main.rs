//! The program `trireme-image-scan`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_protocol::main(trireme_image_scan::ImageScan)
}

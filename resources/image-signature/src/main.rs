//! The program `trireme-image-signature`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_protocol::main(trireme_image_signature::ImageSignature)
}

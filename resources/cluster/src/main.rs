//! The program `trireme-cluster`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_protocol::main(trireme_cluster::Cluster)
}

//! The program `trireme-kubernetes-release`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trireme_protocol::main(trireme_kubernetes_release::KubernetesRelease)
}

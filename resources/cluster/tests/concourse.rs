//! The compiled program, called and checked as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "cluster",
    program: env!("CARGO_BIN_EXE_trireme-cluster"),
    source: r#"{"server": "http://ADDRESS", "token": "CANARY", "version": "v1.37.2"}"#,
    version: r#"{"blueprint": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "from": "v1.36.4", "to": "v1.37.2", "since": "2026-01-01T00:00:00Z"}"#,
};

trireme_peers::held_as_by_concourse!(RESOURCE);

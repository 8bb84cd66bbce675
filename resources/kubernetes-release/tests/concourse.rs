//! The compiled program, called and held as Concourse does it.

use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "kubernetes-release",
    program: env!("CARGO_BIN_EXE_trireme-kubernetes-release"),
    source: r#"{"release_server": "http://robot:URL_CANARY@ADDRESS"}"#,
    version: r#"{"version": "v1.37.2", "channel": "stable"}"#,
};

trireme_peers::held_as_by_concourse!(RESOURCE);

/// A `check` asks the API server first, with its token.
mod from_an_api_server {
    use super::{RESOURCE, Resource};

    const FROM_API_SERVER: Resource<'static> = Resource {
        source: r#"{
            "release_server": "http://robot:URL_CANARY@ADDRESS",
            "from": {"server": "http://ADDRESS", "token": "CANARY", "insecure": true}
        }"#,
        ..RESOURCE
    };

    trireme_peers::held_as_by_concourse!(FROM_API_SERVER);
}

//! The peers themselves start, answer and end.
#![cfg(feature = "peers")]

use std::net::TcpStream;

use trireme_peers::{Registry, Tool};

#[test]
fn each_registry_stores_and_ends_with_its_value() {
    for registry in [
        Registry::distribution().unwrap(),
        Registry::referrers().unwrap(),
    ] {
        let host = registry.host();
        let catalog = Tool::new("crane")
            .unwrap()
            .args(["catalog", &host])
            .succeed()
            .unwrap();
        assert_eq!(catalog, "", "a new registry is empty");
        drop(registry);
        assert!(
            TcpStream::connect(&host).is_err(),
            "{host} is served after its value was dropped"
        );
    }
}

#[test]
fn a_failing_tool_is_an_error_that_shows_what_it_said() {
    let failed = Tool::new("crane")
        .unwrap()
        .args(["digest", "localhost:1/none"])
        .succeed();
    assert!(
        failed
            .unwrap_err()
            .to_string()
            .contains("connection refused")
    );
}

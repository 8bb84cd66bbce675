//! No step shows the password of a server or a proxy, also when all goes well and every request is logged.

use serde_json::json;
use trireme_peers::leak;

use crate::{SHA256, run, serve, with, words};

const PASSWORD: &str = "pass/word+ %7Qx!k@tz";
/// The same inside of a URL.
const IN_URL: &str = "pass%2Fword%2B%20%257Qx%21k%40tz";

#[tokio::test]
async fn no_step_that_ends_well_shows_a_secret() {
    const PATH: &str = "/v1.37.2/bin/linux/amd64/kubeadm";
    let mut site = with(PATH, 200, "program");
    site.insert(format!("{PATH}.sha256"), (200, SHA256.into()));
    let address = serve(site).await;
    let address = address.trim_start_matches("http://");
    let with_password = format!("http://robot:{IN_URL}@{address}");
    for source in [
        json!({"release_server": with_password}),
        json!({"release_server": "http://releases.invalid", "proxy": with_password}),
    ] {
        let mut request = json!({"source": source, "params": {"artifact": &PATH[9..]}});
        request["source"]["debug"] = true.into();
        request["version"] = json!({"version": "v1.37.2", "channel": "stable"});
        let dir = tempfile::tempdir().unwrap();
        for call in [&["check"][..], &["in", dir.path().to_str().unwrap()]] {
            let output = run(call, request.clone()).await;
            assert!(output.status.success(), "{call:?}: {}", words(&output));
            let server = source["release_server"].as_str().unwrap();
            let host = server.rsplit(['@', '/']).next().unwrap();
            assert!(words(&output).contains(host), "`debug` shows no request");
            leak::assert_none(&words(&output), &[PASSWORD]);
            leak::assert_none(&String::from_utf8_lossy(&output.stdout), &[PASSWORD]);
        }
        leak::assert_none_in_files(dir.path(), &[PASSWORD]);
    }
}

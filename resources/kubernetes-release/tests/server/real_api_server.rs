//! `from` names a real kube-apiserver.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trireme_peers::ControlPlane;

use crate::{check, markers, serve, with};

/// The certificate of its CA, from a kubeconfig of the administrator.
fn authority(plane: &ControlPlane) -> String {
    let kubeconfig: Value = serde_json::from_str(&plane.admin_kubeconfig()).unwrap();
    let data = &kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"];
    String::from_utf8(STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_its_version_to_everybody_over_tls() {
    let plane = tokio::task::spawn_blocking(|| ControlPlane::start().unwrap());
    let plane = plane.await.unwrap();
    let version = plane.kubectl(&["version", "--output=json"]).unwrap();
    let version: Value = serde_json::from_str(&version.succeed().unwrap()).unwrap();
    let runs = version["serverVersion"]["gitVersion"].as_str().unwrap();

    let from = json!({"server": plane.server(), "ca_certs": [authority(&plane)]});
    let minor = format!(
        "/stable-{}.txt",
        runs.trim_start_matches('v').rsplit_once('.').unwrap().0
    );
    let up_to_date = serve(with(&minor, 200, runs)).await;
    let source = json!({"release_server": up_to_date, "from": from});
    assert_eq!(check(markers(), source, None).await.unwrap(), [runs]);

    let from = json!({"server": plane.server()});
    let (exit, said) = check(markers(), json!({"from": from}), None)
        .await
        .unwrap_err();
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("add its authority to ca_certs"), "{said}");
    let from = json!({"server": plane.server(), "ca_certs": [authority(&plane)], "token": "not-a-token-of-it"});
    let (exit, said) = check(markers(), json!({"from": from}), None)
        .await
        .unwrap_err();
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("401") && said.contains("is source.from.token still valid?"),
        "{said}"
    );
}

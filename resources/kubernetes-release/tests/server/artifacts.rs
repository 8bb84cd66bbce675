//! Downloads: what is kept, and what is thrown away.

use serde_json::json;

use crate::{SHA256, get, is_empty, markers, run, with, words};

/// SHA-512 of `program`.
const SHA512: &str = "057fa977ae9945da55affa3b09eb296488543695eb96eeaf445d6e93fc17e7e960e4724d716959d76c4b7f7146551e1ea30ddcfd9216afbc2c59c96dc9976b42";

#[tokio::test]
async fn an_artifact_is_kept_only_with_its_published_checksum() {
    use std::os::unix::fs::PermissionsExt as _;
    const PATH: &str = "/v1.37.2/bin/linux/amd64/kubeadm";
    let site = |body: &str, checksum: Option<&str>| {
        let mut site = with(PATH, 200, body);
        let checksum = checksum.map(|checksum| (200, checksum.to_owned()));
        site.extend(checksum.map(|answer| (format!("{PATH}.sha256"), answer)));
        site
    };
    let params = json!({"artifact": "bin/linux/amd64/kubeadm"});
    let dir = tempfile::tempdir().unwrap();
    let output = get(
        site("program", Some(SHA256)),
        "v1.37.2",
        params.clone(),
        dir.path(),
    )
    .await;
    assert!(output.status.success(), "{}", words(&output));
    let file = dir.path().join("artifact/kubeadm");
    assert_eq!(std::fs::read(&file).unwrap(), b"program");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o755
    );
    for (site, says) in [
        (site("pr0gram", Some(SHA256)), "is published"),
        (site("program", None), "neither a .sha512 nor a .sha256"),
        (site("program", Some("<html>")), "hexadecimal digits"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = get(site, "v1.37.2", params.clone(), dir.path()).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(words(&output).contains(says), "{}", words(&output));
        assert!(is_empty(dir.path()), "nothing half-done stays");
    }
    let output = get(
        markers(),
        "v1.37.2",
        json!({"artifact": "../v1.0.0/x"}),
        dir.path(),
    )
    .await;
    assert_eq!(output.status.code(), Some(78), "{}", words(&output));
}

/// Answers each path with a whole body, or (`true`) with one that ends seven bytes before its announced length.
async fn cutting(answer: fn(&str) -> (&'static str, bool)) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]);
            let (body, cut) = answer(request.split(' ').nth(1).unwrap_or_default());
            let announced = if cut { body.len() + 7 } else { body.len() };
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {announced}");
            let _ = stream
                .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
                .await;
        }
    });
    format!("http://{address}")
}

/// A body that ends before its announced length is no marker.
#[tokio::test]
async fn a_cut_off_marker_is_an_error() {
    let source = json!({"release_server": cutting(|_| ("v1.3", true)).await});
    let output = run(&["check"], json!({"source": source})).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains("broke off"), "{}", words(&output));
    assert!(output.stdout.is_empty());
}

/// Even if what came until then has the published checksum.
#[tokio::test]
async fn a_cut_off_artifact_leaves_nothing() {
    let server = cutting(|path| match path {
        "/stable-1.37.txt" => ("v1.37.2", false),
        path if path.ends_with(".sha512") => (SHA512, false),
        _ => ("program", true),
    });
    let source = json!({"release_server": server.await});
    let version = json!({"version": "v1.37.2", "channel": "stable"});
    let params = json!({"artifact": "bin/linux/amd64/kubeadm"});
    let request = json!({"source": source, "version": version, "params": params});
    let dir = tempfile::tempdir().unwrap();
    let output = run(&["in", dir.path().to_str().unwrap()], request).await;
    assert_eq!(output.status.code(), Some(1));
    for says in ["broke off", "bin/linux/amd64/kubeadm"] {
        assert!(words(&output).contains(says), "{}", words(&output));
    }
    assert!(output.stdout.is_empty());
    assert!(is_empty(dir.path()), "nothing half-done stays");
}

//! Markers that say what they should not.

use serde_json::json;

use crate::{Site, check, markers, run, serve, with, words};

/// kubernetes/kubectl#1656: `stable.txt` said 1.31.1, and then for days 1.31.0.
#[tokio::test]
async fn a_marker_that_goes_back_gives_no_older_release() {
    let gone = |mut site: Site| {
        site.insert("/stable.txt".into(), (200, "v1.37.1".into()));
        site.insert("/stable-1.37.txt".into(), (200, "v1.37.1".into()));
        site
    };
    let published = with(
        "/v1.37.2/bin/linux/amd64/kubeadm.sha512",
        200,
        &"a".repeat(128),
    );
    for (site, source, expected, says) in [
        (
            gone(published.clone()),
            json!({}),
            "v1.37.2",
            "v1.37.2 is still published",
        ),
        (
            gone(published),
            json!({"from": "1.36.6"}),
            "v1.37.2",
            "v1.37.2 is still published",
        ),
        (
            gone(markers()),
            json!({}),
            "[]",
            "v1.37.2 is not published any more",
        ),
        (
            gone(markers()),
            json!({"from": "1.36.6"}),
            "[]",
            "nothing older is emitted",
        ),
    ] {
        let mut source = source;
        source["release_server"] = serve(site).await.into();
        let last = json!({"version": "v1.37.2", "channel": "stable"});
        let output = run(&["check"], json!({"source": source, "version": last})).await;
        let (found, words) = (String::from_utf8_lossy(&output.stdout), words(&output));
        assert!(output.status.success(), "{words}");
        assert!(
            found.contains(expected) && !found.contains("v1.37.1"),
            "{found} {words}"
        );
        assert!(
            words.contains("now names v1.37.1, which is older than v1.37.2"),
            "{words}"
        );
        assert!(words.contains(says), "{words}");
    }
}

#[tokio::test]
async fn a_marker_may_begin_with_a_byte_order_mark() {
    let site = with("/stable.txt", 200, "\u{feff}v1.37.2\r\n");
    assert_eq!(check(site, json!({}), None).await.unwrap(), ["v1.37.2"]);
}

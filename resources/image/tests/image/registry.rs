//! A registry that fails in every way in which registries fail: each step ends with an operational error that says what
//! came, and leaves nothing that looks whole.

use futures_util::future::join_all;
use serde_json::{Value, json};
use trireme_peers::{Front, Wrong};

use crate::{
    faults::honest,
    faulty::{Faulty, Trouble},
    program::Program,
};

async fn registry() -> Faulty {
    Faulty::start(Trouble::None, honest()).await
}

fn source(host: &str) -> Value {
    json!({"repository": format!("{host}/app"), "tag": "1"})
}

fn fails(ran: &Program, wrong: Wrong) {
    assert_eq!(ran.code, 1, "{wrong:?}: {}", ran.stderr);
    let words = wrong.words();
    assert!(ran.stderr.contains(words), "{wrong:?}: {}", ran.stderr);
    ran.assert_nothing_was_made();
}

/// It reads no content, only what the registry says that there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_never_takes_a_wrong_answer_for_no_image() {
    let registry = &registry().await;
    let check = async |wrong| {
        let front = Front::new(&registry.host(), wrong);
        let mut source = source(&front.host());
        fails(&Program::check(&source, None).await, wrong);
        source["tag"] = Value::Null;
        source["digest"] = json!(registry.digest());
        fails(&Program::check(&source, None).await, wrong);
    };
    // Side by side: those that may pass are tried again for some seconds.
    join_all(Wrong::WITHOUT_CONTENT.map(check)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_of_a_failing_registry_leaves_nothing() {
    let registry = &registry().await;
    let version = &json!({"tag": "1", "digest": registry.digest()});
    let get = async |wrong| {
        let front = Front::new(&registry.host(), wrong);
        for format in ["rootfs", "oci-layout"] {
            let params = json!({"format": format});
            fails(
                &Program::get(&source(&front.host()), version, &params).await,
                wrong,
            );
        }
    };
    join_all(Wrong::ALL.map(get)).await;
    // Each was asked a few times, not for ever.
    let asked = registry.requests().len();
    assert!(asked <= 7 * 2 * 20, "{asked} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_a_failing_registry_stores_no_image() {
    let registry = &registry().await;
    let put = async |wrong| {
        let to = Faulty::start(Trouble::None, b"another image 1".to_vec()).await;
        let front = Front::new(&registry.host(), wrong);
        let params = json!({"from": source(&front.host()), "tag": "2"});
        let target = json!({"repository": to.repository()});
        let put = Program::put(&target, &params, tempfile::tempdir().expect("a folder")).await;
        fails(&put, wrong);
        for name in ["2", registry.digest()] {
            assert!(!to.has(&format!("manifests/{name}")), "{wrong:?}: {name}");
        }
    };
    join_all(Wrong::ALL.map(put)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_a_failing_registry_is_not_called_stored() {
    let registry = &registry().await;
    let put = async |wrong| {
        let to = Faulty::start(Trouble::None, b"another image 1".to_vec()).await;
        let front = Front::new(&to.host(), wrong);
        let params = json!({"from": source(&registry.host()), "tag": "2"});
        let target = json!({"repository": format!("{}/app", front.host())});
        let put = Program::put(&target, &params, tempfile::tempdir().expect("a folder")).await;
        fails(&put, wrong);
        assert!(!to.has("manifests/2"), "{wrong:?}");
    };
    let cases = Wrong::WITHOUT_CONTENT.into_iter().chain([Wrong::Digest]);
    join_all(cases.map(put)).await;
}

//! No step shows a secret of its source or params, whether it ends well or fails.

use serde_json::{Value, json};
use trireme_peers::leak;

use crate::{
    faults::honest,
    faulty::{Faulty, Trouble},
    program::Program,
};

const PASSWORD: &str = "pass/word+ %7Qx!k@tz";
/// The same inside of a URL.
const PASSWORD_IN_URL: &str = "pass%2Fword%2B%20%257Qx%21k%40tz";
const FROM_PASSWORD: &str = "fr/om+ %3Zk!w@qyvb";

fn source(registry: &Faulty) -> Value {
    json!({"repository": registry.repository(), "tag": "1",
        "username": "robot", "password": PASSWORD, "debug": true})
}

fn shows_none(ran: &Program) {
    let secrets = [PASSWORD, FROM_PASSWORD];
    leak::assert_none(&ran.stdout, &secrets);
    leak::assert_none(&ran.stderr, &secrets);
    leak::assert_none_in_files(ran.dir(), &secrets);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_step_that_ends_well_shows_a_secret() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = source(&registry);
    let check = Program::check(&source, None).await;
    let version = check.succeed()[0].clone();
    shows_none(&check);
    for params in [
        json!({}),
        json!({"format": "oci-layout"}),
        json!({"skip_download": true}),
    ] {
        let get = Program::get(&source, &version, &params).await;
        get.succeed();
        shows_none(&get);
    }
}

/// The worker gives its proxy to every step.
#[tokio::test(flavor = "multi_thread")]
async fn no_step_behind_a_proxy_of_the_environment_shows_its_password() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let proxy = format!("http://robot:{PASSWORD_IN_URL}@{}", registry.host());
    let from = json!({"repository": "registry.invalid/app", "tag": "1", "insecure": true});
    let mut source = from.clone();
    source["debug"] = json!(true);
    let version = json!({"tag": "1", "digest": registry.digest()});
    for (verb, params) in [
        ("check", json!({})),
        ("in", json!({})),
        ("in", json!({"format": "oci-layout"})),
        ("out", json!({"from": from})),
    ] {
        let mut request = json!({"source": source, "version": version, "params": params});
        if verb == "out" {
            request["version"] = Value::Null;
        }
        let ran = Program::behind(&proxy, verb, &request).await;
        ran.succeed();
        let shown = ran.stderr.contains(" http://registry.invalid/v2/app/");
        assert!(shown, "{verb}: no request is shown: {}", ran.stderr);
        shows_none(&ran);
    }
}

const REFUSALS: [Trouble; 3] = [Trouble::Status(401), Trouble::Status(403), Trouble::Html];

#[tokio::test(flavor = "multi_thread")]
async fn no_get_that_fails_shows_a_secret() {
    let damages = [Trouble::WrongBlob, Trouble::WrongManifest, Trouble::NoBlob];
    for trouble in REFUSALS.into_iter().chain(damages) {
        let registry = Faulty::start(trouble, honest()).await;
        let version = json!({"tag": "1", "digest": registry.digest()});
        let get = Program::get(&source(&registry), &version, &json!({})).await;
        assert_eq!(get.code, 1, "{trouble:?}: {}", get.stderr);
        shows_none(&get);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_that_fails_shows_a_secret_of_either_side() {
    for trouble in REFUSALS {
        let registry = Faulty::start(trouble, honest()).await;
        let from = json!({"repository": registry.repository(), "tag": "1",
            "username": "reader", "password": FROM_PASSWORD});
        let dir = tempfile::tempdir().expect("a folder");
        let put = Program::put(&source(&registry), &json!({"from": from}), dir).await;
        assert_eq!(put.code, 1, "{trouble:?}: {}", put.stderr);
        shows_none(&put);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_about_source_or_params_shows_a_secret() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let unusable = [
        ("password", json!([PASSWORD])),
        ("username", Value::Null),
        ("repository", json!("no:repository:at all")),
        (PASSWORD, json!(true)),
    ];
    for (name, value) in unusable {
        let mut source = source(&registry);
        source[name] = value;
        let ran = Program::check(&source, None).await;
        assert_eq!(ran.code, 78, "{name}: {}", ran.stderr);
        shows_none(&ran);
    }
    let from = json!({"repository": "x/y", "tag": "1", "password": {"a": FROM_PASSWORD}});
    let dir = tempfile::tempdir().expect("a folder");
    let put = Program::put(&source(&registry), &json!({"from": from}), dir).await;
    assert_eq!(put.code, 78, "{}", put.stderr);
    shows_none(&put);
}

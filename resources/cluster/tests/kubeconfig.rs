//! A kubeconfig whose values are malformed: what is wrong is said, and nothing of what it holds.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use trireme_peers::concourse::Resource;

const RESOURCE: Resource<'static> = Resource {
    name: "cluster",
    program: env!("CARGO_BIN_EXE_trireme-cluster"),
    source: "{}",
    version: r#"{"blueprint": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "from": "v1.36.4", "to": "v1.37.2", "since": "2026-01-01T00:00:00Z"}"#,
};

/// Where a kubeconfig has something that may be a secret, or stands by mistake where one should be.
const FIELDS: [&str; 15] = [
    "/users/0/user/token",
    "/users/0/user/password",
    "/users/0/user/username",
    "/users/0/user/client-key-data",
    "/users/0/user/client-certificate-data",
    "/users/0/user/tokenFile",
    "/users/0/user/exec",
    "/users/0/user/auth-provider",
    "/users/0/user",
    "/users/0/name",
    "/clusters/0/cluster/certificate-authority-data",
    "/clusters/0/cluster/server",
    "/clusters/0/cluster/proxy-url",
    "/clusters/0/cluster/tls-server-name",
    "/current-context",
];

fn kubeconfig() -> Value {
    let user = json!({
        "token": null, "password": null, "username": null, "client-key-data": null, "client-certificate-data": null,
        "tokenFile": null, "exec": null, "auth-provider": null,
    });
    let cluster = json!({
        "server": "http://ADDRESS", "certificate-authority-data": null, "proxy-url": null, "tls-server-name": null,
    });
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    })
}

/// Every form of a key, as it is and in base64; one also as a list, a map and what starts a program.
fn planted() -> Vec<Value> {
    let texts = Resource::mangled();
    let encoded = texts.iter().map(|text| json!(STANDARD.encode(text)));
    let mut forms: Vec<Value> = encoded.collect();
    forms.extend(texts.iter().map(|text| json!(text)));
    let text = &texts[0];
    forms.push(json!([text]));
    forms.push(json!({"command": "sh", "args": [text], "env": [{"name": "A", "value": text}]}));
    forms.push(json!({"name": "oidc", "config": {"id-token": text}}));
    forms
}

#[test]
fn no_field_of_a_kubeconfig_is_shown_whatever_is_wrong_with_it() {
    for field in FIELDS {
        for form in planted() {
            let mut kubeconfig = kubeconfig();
            *kubeconfig.pointer_mut(field).expect(field) = form;
            let source =
                json!({"kubeconfig": kubeconfig.to_string(), "version": "v1.37.2", "debug": true});
            RESOURCE.repeats_nothing_of(&source);
        }
    }
}

#[test]
fn a_kubeconfig_that_lost_its_line_breaks_or_was_cut_off_is_not_shown() {
    for text in Resource::mangled() {
        let yaml = format!("apiVersion: v1\nusers:\n- name: u\n  user:\n    token: {text:?}\n");
        for mangled in [
            yaml.replace('\n', " "),
            yaml[..yaml.len() - 3].to_owned(),
            yaml.replace("token:", "token"),
            yaml.replace('"', ""),
            format!("{yaml}  - ["),
        ] {
            let source = json!({"kubeconfig": mangled, "version": "v1.37.2", "debug": true});
            RESOURCE.repeats_nothing_of(&source);
        }
    }
}

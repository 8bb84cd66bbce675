//! Secrets in a form in which they cannot be used: what is wrong with them is said, and nothing of them.

use serde_json::{Value, json};

use super::{Ended, Resource, Worker, site::Site};
use crate::leak;

/// The lines of a key that no one has.
pub(super) const LINES: [&str; 3] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY2FuYXJ5LWtleS1v",
    "bmUtbGluZS1vZi1hLWtleS10aGF0LW5vLW9uZS1oYXMtYW5kLXRoYXQtbXVzdC1u",
    "b3QtYmUtc2hvd24tdG8tYW55Ym9keQ7",
];

/// Numbers that no one has as a password.
const NUMBER: u64 = 8_675_309_424_242_421;
const FLOAT: f64 = 424_242.75;

/// Where a secret stands: in `source` or `params`, and the step that gets it.
struct Place {
    part: &'static str,
    call: &'static str,
    path: Vec<String>,
}

impl Resource<'_> {
    /// Every secret that the schema knows, in every form in which a pipeline can mangle it. Certificates, the proxy and the
    /// whole too: what stands there by mistake is a key.
    pub fn repeats_no_malformed_secret(&self) {
        let site = Site::telling();
        let mut places = self.places_of_secrets();
        assert!(!places.is_empty(), "the schema has no secret");
        for call in ["check", "in DIR"] {
            let paths = [vec!["ca_certs".into()], vec!["proxy".into()], vec![]];
            places.extend(paths.map(|path| Place {
                part: "source",
                call,
                path,
            }));
        }
        for place in places {
            for form in malformed() {
                let mut request =
                    json!({"source": self.source(&site.address()), "version": self.version()});
                request["source"]["debug"] = true.into();
                plant(&mut request[place.part], &place.path, form.clone());
                let ended = self.ended(place.call, &request);
                let what = format!("{} {} {:?} {form}", place.call, place.part, place.path);
                assert_silent(&ended, &what);
            }
        }
    }

    /// The same for one source, whatever it holds of [`Resource::mangled`]; `ADDRESS` in it is that of a server.
    pub fn repeats_nothing_of(&self, source: &Value) {
        let site = Site::telling();
        let source = source.to_string().replace("ADDRESS", &site.address());
        let source: Value = serde_json::from_str(&source).expect("JSON");
        let ended = self.ended("check", &json!({"source": source}));
        assert_silent(&ended, &format!("check {source}"));
    }

    /// A key in every form in which a pipeline can mangle it.
    pub fn mangled() -> Vec<String> {
        let forms = malformed().into_iter();
        let texts = forms.filter_map(|form| form.as_str().map(str::to_owned));
        texts.collect()
    }

    fn ended(&self, call: &str, request: &Value) -> Ended {
        let worker = Worker::new(self.program);
        let ended = worker.call(call, &request.to_string());
        worker.assert_empty();
        ended
    }

    fn places_of_secrets(&self) -> Vec<Place> {
        let worker = Worker::new(self.program);
        let own = format!("trireme-{} schema", self.name);
        let schema = worker.call(&own, "").stdout;
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let mut places = Vec::new();
        for (name, part, calls) in [
            ("source", "source", &["check", "in DIR", "out DIR"][..]),
            ("get_params", "params", &["in DIR"]),
            ("put_params", "params", &["out DIR"]),
        ] {
            for path in secrets(&schema[name]) {
                places.extend(calls.iter().map(|call| Place {
                    part,
                    call,
                    path: path.clone(),
                }));
            }
        }
        places
    }
}

/// The paths of all values that the schema marks as secret.
fn secrets(schema: &Value) -> Vec<Vec<String>> {
    if schema["writeOnly"] == true {
        return vec![Vec::new()];
    }
    let kinds = ["anyOf", "oneOf", "allOf"];
    let parts = kinds.iter().filter_map(|kind| schema[kind].as_array());
    let mut found: Vec<Vec<String>> = parts.flatten().flat_map(secrets).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        for mut path in secrets(property) {
            path.insert(0, name.clone());
            found.push(path);
        }
    }
    found.dedup();
    found
}

/// Puts the value where the path leads; what is on the way and is no object becomes one.
fn plant(root: &mut Value, path: &[String], value: Value) {
    let mut at = root;
    for name in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}

fn malformed() -> Vec<Value> {
    let body = LINES.join("\n");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let sealed = pem.replace("PRIVATE", "ENCRYPTED SIGSTORE PRIVATE");
    vec![
        json!(pem.replace('\n', " ")),
        json!(pem.replace('\n', "")),
        json!(pem.replace('\n', "\r\n")),
        json!(pem.replace('\n', "\\n")),
        json!(pem[..pem.len() - 30]),
        json!(pem.replace("-----BEGIN", "----BEGIN")),
        json!(pem.replace(LINES[1], &format!("{}!", &LINES[1][1..]))),
        json!(sealed.replace('\n', " ")),
        json!(sealed),
        json!(LINES.concat()),
        json!(format!("https://robot:{}@[", LINES[2])),
        json!([pem]),
        json!([[pem.replace('\n', " ")]]),
        json!({"value": pem}),
        json!({pem.replace('\n', " "): true}),
        json!(NUMBER),
        json!(FLOAT),
        json!(true),
    ]
}

fn assert_silent(ended: &Ended, what: &str) {
    let all = format!("{}{}", ended.stdout, ended.stderr);
    let number = NUMBER.to_string();
    let float = FLOAT.to_string();
    let secrets: Vec<&str> = LINES.into_iter().chain([&*number, &*float]).collect();
    assert!(
        !ended.stderr.is_empty() || ended.code == Some(0),
        "{what}: {ended:?}"
    );
    leak::assert_none(&all, &secrets);
}

//! `from`: the version that runs, or the API server that is asked for it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};
use trireme_protocol::{Fault, Secret};
use trireme_release::Version;
use trireme_transport::is_loopback;
use url::Url;

const EXPECTED: &str =
    "a version, e.g. `v1.36.4`, or an API server: `{server, ca_certs, token, insecure}`";

/// What runs, as a pipeline says it.
pub enum Running {
    /// A version that the pipeline names. Not checked here: a text that is not a version could be a secret, and serde would
    /// quote it.
    Version(String),
    /// The version of this API server, read at each `check`.
    Server(ApiServerSource),
}

/// An API server whose `/version` is read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiServerSource {
    /// Its address, e.g. `https://10.0.0.1:6443`.
    pub server: String,
    /// Certificate authorities (PEM) that are trusted beside those of the system.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// A bearer token. Most clusters answer without one.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Do not check the server's certificate.
    #[serde(default)]
    pub insecure: bool,
}

impl Running {
    /// Checks all that can be checked without a request.
    ///
    /// # Errors
    /// A configuration fault when the version or the API server cannot be used.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        match self {
            Self::Version(text) => version(text).map(drop),
            Self::Server(source) => {
                source.token()?;
                source.address().map(drop)
            }
        }
    }
}

/// Reads a version that the pipeline names.
///
/// # Errors
/// A configuration fault when it is not a version. The text is not shown: it may be a token in the wrong place.
pub(crate) fn version(text: &str) -> Result<Version, Fault> {
    let version = text.trim().parse();
    version.map_err(|_| Fault::config(format!("source.from is not a version; expected {EXPECTED}")))
}

impl ApiServerSource {
    /// The address without a slash at the end.
    ///
    /// # Errors
    /// A configuration fault when it is not an HTTP URL, has more than a path, or would carry the token in clear text over a
    /// network. It is not shown: it may hold a password.
    pub(crate) fn address(&self) -> Result<String, Fault> {
        let wrong = |problem: &str| {
            Fault::config(format!(
                "source.from.server {problem}; expected the address of an API server, e.g. `https://10.0.0.1:6443`"
            ))
        };
        let url = Url::parse(self.server.trim()).map_err(|_| wrong("is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is not an HTTP URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a user name; use `token`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has more than a host and a path"));
        }
        let in_clear = url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or_default());
        if in_clear && self.token.is_some() && !self.insecure {
            return Err(wrong("is http, which would show the token to the network"));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// The token as it can stand in a header, without the line break that a file of it ends with.
    ///
    /// # Errors
    /// A configuration fault when it is empty, or has a character that a token cannot have.
    pub(crate) fn token(&self) -> Result<Option<&str>, Fault> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let token = token.expose().trim();
        if token.is_empty() {
            let message =
                "source.from.token is empty; leave the key out if the API server needs no token";
            return Err(Fault::config(message));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "source.from.token is not a token: it has a space, a line break or another character that none has";
            return Err(Fault::config(message));
        }
        Ok(Some(token))
    }
}

/// Reads either form, without `untagged`, which could not say which key is wrong.
struct EitherForm;

impl<'de> de::Visitor<'de> for EitherForm {
    type Value = Running;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Running, E> {
        Ok(Running::Version(text.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, members: A) -> Result<Running, A::Error> {
        ApiServerSource::deserialize(MapAccessDeserializer::new(members)).map(Running::Server)
    }
}

impl<'de> Deserialize<'de> for Running {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

impl JsonSchema for Running {
    fn schema_name() -> Cow<'static, str> {
        "Running".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let server = generator.subschema_for::<ApiServerSource>();
        json_schema!({"anyOf": [{"type": "string"}, server]})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn source(value: Value) -> ApiServerSource {
        match serde_json::from_value(value).unwrap() {
            Running::Server(source) => source,
            Running::Version(text) => panic!("{text} was taken for a version"),
        }
    }

    fn refusal(value: Value) -> String {
        let running: Running = match serde_json::from_value(value) {
            Ok(running) => running,
            Err(error) => return error.to_string(),
        };
        running.validate().unwrap_err().to_string()
    }

    #[test]
    fn it_is_a_version_or_an_api_server() {
        for text in ["v1.36.4", "1.36.4", "v1.36.4+k3s1\n", "v1.36.3-eks-cb19647"] {
            let running: Running = serde_json::from_value(text.into()).unwrap();
            assert!(matches!(&running, Running::Version(found) if found == text));
            running.validate().unwrap();
        }
        let found = source(json!({"server": "https://10.0.0.1:6443/"}));
        assert_eq!(found.address().unwrap(), "https://10.0.0.1:6443");
        assert_eq!(found.token().unwrap(), None);
        let found = source(json!({
            "server": "https://rancher.test/k8s/clusters/c-1", "ca_certs": ["PEM"], "token": "a.b-c\n", "insecure": true,
        }));
        assert_eq!(
            found.address().unwrap(),
            "https://rancher.test/k8s/clusters/c-1"
        );
        assert_eq!(found.token().unwrap(), Some("a.b-c"));
    }

    #[test]
    fn what_is_neither_is_refused_and_said_to_be() {
        let server = "https://10.0.0.1:6443";
        for (value, said) in [
            (
                json!("1.36"),
                "is not a version; expected a version, e.g. `v1.36.4`, or an API server",
            ),
            (json!(""), "is not a version"),
            (
                json!(1.36),
                "expected a version, e.g. `v1.36.4`, or an API server",
            ),
            (
                json!([{"server": server}]),
                "invalid type: sequence, expected a version",
            ),
            (json!({}), "missing field `server`"),
            (
                json!({"servr": server}),
                "unknown field `servr`, expected one of `server`, `ca_certs`, `token`, `insecure`",
            ),
            (
                json!({"server": server, "kubeconfig": ""}),
                "unknown field `kubeconfig`",
            ),
            (
                json!({"server": server, "ca_certs": "PEM"}),
                "expected a sequence",
            ),
            (
                json!({"server": server, "token": ""}),
                "token is empty; leave the key out",
            ),
            (json!({"server": server, "token": "a b"}), "is not a token"),
            (json!({"server": server, "token": "a\nb"}), "is not a token"),
            (json!({"server": "10.0.0.1:6443"}), "from.server is not a"),
            (json!({"server": ""}), "is not a URL"),
            (json!({"server": "ftp://10.0.0.1"}), "is not an HTTP URL"),
            (json!({"server": "https://me:x@10.0.0.1"}), "use `token`"),
            (
                json!({"server": "https://10.0.0.1?a=b"}),
                "more than a host and a path",
            ),
            (
                json!({"server": "http://10.0.0.1", "token": "t"}),
                "would show the token to the network",
            ),
        ] {
            let refused = refusal(value.clone());
            assert!(refused.contains(said), "{value}: {refused}");
        }
        for value in [
            json!({"server": "http://127.0.0.1:8001", "token": "t"}),
            json!({"server": "http://10.0.0.1", "token": "t", "insecure": true}),
            json!({"server": "http://10.0.0.1"}),
        ] {
            assert!(source(value.clone()).address().is_ok(), "{value}");
        }
    }

    #[test]
    fn a_token_in_the_wrong_place_is_not_shown() {
        for value in [
            json!("CANARY"),
            json!({"server": "CANARY"}),
            json!({"server": "https://me:CANARY@10.0.0.1"}),
            json!({"server": "ftp://CANARY"}),
            json!({"server": "https://a", "token": "CANARY CANARY"}),
            json!({"server": "https://a", "token": "\u{0}CANARY\u{e4}"}),
            json!({"server": "https://a?token=CANARY"}),
        ] {
            assert!(!refusal(value.clone()).contains("CANARY"), "{value}");
        }
    }
}

//! The connection that a kubeconfig describes. Only its current context counts. Files and programs are refused: a container
//! has neither.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde_json::Value;

use crate::endpoint::address;
use crate::{Error, certificates, identity, proxy};

/// The connection of the current context of a kubeconfig, and its user. kube's own reading is not used, because it also
/// reads the proxies of the environment, and reads them differently ([`proxy`]).
///
/// # Errors
/// [`Error::Access`] when something that the current context needs is missing, cannot be read, is not valid `now`, or would
/// need a file or program.
pub(crate) fn read(text: &str, now: Timestamp) -> Result<Config, Error> {
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| {
        wrong("`kubeconfig` is not a kubeconfig; expected the content of one, as YAML")
    })?;
    let (cluster, mut user) = current(kubeconfig)?;
    identity::check(&mut user, now)?;
    let server = cluster.server.as_deref().unwrap_or_default();
    let mut config = Config::new(address(server)?);
    config.proxy_url = match cluster.proxy_url.as_deref() {
        None | Some("") => proxy::of_environment(&config.cluster_url)?,
        Some(url) => Some(proxy::of_kubeconfig(url)?),
    };
    config.root_cert = authority(&cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name;
    config.auth_info = with_bearer(user)?;
    Ok(config)
}

/// Cluster and user of the current context; what the others have is not looked at. A context without user is anonymous, as
/// for kubectl.
fn current(kubeconfig: Kubeconfig) -> Result<(Cluster, AuthInfo), Error> {
    let name = kubeconfig.current_context.unwrap_or_default();
    let mut contexts = kubeconfig.contexts.into_iter();
    let context = contexts.find(|named| named.name == name);
    let context = context.and_then(|named| named.context).ok_or_else(|| {
        wrong(format!(
            "`kubeconfig` has no context {name:?}; expected its current-context among its contexts"
        ))
    })?;
    let mut clusters = kubeconfig.clusters.into_iter();
    let cluster = clusters.find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster).ok_or_else(|| {
        let cluster = &context.cluster;
        wrong(format!(
            "`kubeconfig` has no cluster {cluster:?}, which its context {name:?} names"
        ))
    })?;
    let mut users = kubeconfig.auth_infos.into_iter();
    let user = users.find(|named| Some(&named.name) == context.user.as_ref());
    let user = user.and_then(|named| named.auth_info).unwrap_or_default();
    refuse_files(context.user.as_deref().unwrap_or_default(), &user)?;
    Ok((cluster, user))
}

fn with_bearer(mut user: AuthInfo) -> Result<AuthInfo, Error> {
    let shown = serde_json::to_value(&user).unwrap_or_default();
    if let Some(token) = shown["token"].as_str() {
        user.token = Some(bearer(token)?.into());
    }
    Ok(user)
}

/// A token as it can stand in a header, without the line break that a file of it ends with.
///
/// # Errors
/// [`Error::Access`] for what no header can hold: kube ends the program over it.
pub(crate) fn bearer(token: &str) -> Result<String, Error> {
    let token = token.trim();
    let fits = http::HeaderValue::from_str(token).is_ok();
    let message = "the token is not a token: it has a line break or another control character";
    fits.then(|| token.to_owned()).ok_or_else(|| wrong(message))
}

fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, Error> {
    const KEY: &str = "`certificate-authority-data` of `kubeconfig`";
    if cluster.certificate_authority.is_some() && cluster.certificate_authority_data.is_none() {
        let message =
            "`kubeconfig` has `certificate-authority`, a file; give certificate-authority-data";
        return Err(wrong(message));
    }
    let Some(data) = &cluster.certificate_authority_data else {
        return Ok(None);
    };
    let pem = identity::decoded(KEY, data)?;
    let read = certificates::authorities(KEY, &pem);
    read.map(Some)
}

fn refuse_files(name: &str, user: &AuthInfo) -> Result<(), Error> {
    match file_of(user) {
        None => Ok(()),
        Some((key, why)) => Err(wrong(format!(
            "`kubeconfig`: user {name} has `{key}`, which is not supported ({why}); use a token"
        ))),
    }
}

/// The key of a user that needs a file or program, and why it is not there. As for kubectl, data come before a file, and a
/// file with a token comes before a token.
fn file_of(user: &AuthInfo) -> Option<(&'static str, &'static str)> {
    let keys = [
        (
            user.exec.is_some(),
            "exec",
            "a container has no plugin to start",
        ),
        (
            user.auth_provider.is_some(),
            "auth-provider",
            "Kubernetes removed it",
        ),
        (
            user.token_file.is_some(),
            "tokenFile",
            "a container has no such file",
        ),
        (
            user.client_certificate.is_some() && user.client_certificate_data.is_none(),
            "client-certificate",
            "give client-certificate-data",
        ),
        (
            user.client_key.is_some() && user.client_key_data.is_none(),
            "client-key",
            "give client-key-data",
        ),
    ];
    let found = keys.into_iter().find(|(found, ..)| *found);
    found.map(|(_, key, why)| (key, why))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::Access(message.into())
}

/// What a user of a kubeconfig may have that is no secret and would mask words of our own.
const NO_SECRETS: [&str; 12] = [
    "username",
    "as",
    "as-uid",
    "as-groups",
    "apiVersion",
    "command",
    "installHint",
    "interactiveMode",
    "client-certificate",
    "client-key",
    "tokenFile",
    "name",
];

/// Every secret in a kubeconfig, those of other contexts too: tokens, passwords (also of proxies) and keys (as they are
/// written, and decoded). A value of a wrong type counts too. Empty for text that is not YAML.
pub fn secrets(kubeconfig: &str) -> Vec<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(kubeconfig).unwrap_or_default();
    let mut found: Vec<String> = documents.iter().flat_map(secrets_of).collect();
    for secret in secrets_as_sent(kubeconfig) {
        if !found.contains(&secret) {
            found.push(secret);
        }
    }
    found
}

/// What the client sends: a token that looks like a number is sent as it is written.
fn secrets_as_sent(kubeconfig: &str) -> Vec<String> {
    let users = Kubeconfig::from_yaml(kubeconfig).map(|read| read.auth_infos);
    let users = users.unwrap_or_default().into_iter();
    let users = users.filter_map(|named| named.auth_info);
    let secrets = users.flat_map(|user| {
        let shown = serde_json::to_value(&user).unwrap_or_default();
        let keys = ["token", "password", "client-key-data"];
        keys.map(|key| shown[key].as_str().map(str::to_owned))
    });
    secrets.flatten().collect()
}

fn secrets_of(kubeconfig: &Value) -> Vec<String> {
    let parts = |list: &str, part: &str| {
        let items = kubeconfig[list].as_array().into_iter().flatten();
        items.map(|item| item[part].clone()).collect::<Vec<Value>>()
    };
    let mut found = Vec::new();
    for user in parts("users", "user") {
        take_secrets(&user, &mut found);
    }
    let clusters = parts("clusters", "cluster");
    let proxies = clusters.iter().filter_map(|c| c["proxy-url"].as_str());
    found.extend(proxies.flat_map(proxy::secrets));
    found
}

fn take_secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let secret = members.filter(|(name, _)| !NO_SECRETS.contains(&name.as_str()));
            secret.for_each(|(_, member)| take_secrets(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| take_secrets(item, found)),
        Value::String(text) => {
            found.push(text.clone());
            found.extend(decoded_text(text));
        }
        Value::Number(number) => found.push(number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// Decoded text is a secret by itself from this length on; a shorter one would mask ordinary words.
const SHORTEST_DECODED: usize = 16;

/// The text that this is the base64 of: a PEM, or a token as a Secret of Kubernetes has it.
fn decoded_text(text: &str) -> Option<String> {
    let text: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_text = text
        .chars()
        .all(|c| c.is_ascii_whitespace() || !c.is_control());
    (is_text && text.len() >= SHORTEST_DECODED).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CA of version 1, in base64 once more.
    const CA: &str = include_str!("../testdata/x509-v1.pem.base64");
    const CONTEXT: &str =
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n";

    fn refusal(text: &str) -> String {
        match read(text, Timestamp::UNIX_EPOCH) {
            Ok(_) => panic!("{text} was taken"),
            Err(error) => error.to_string(),
        }
    }

    fn taken(text: &str) -> Config {
        read(text, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn only_the_current_context_counts() {
        let contexts = "current-context: c\ncontexts: [{name: other, context: {cluster: file, user: exec}}, {name: c, context: {cluster: k, user: u}}]\n";
        let clusters = "clusters: [{name: file, cluster: {server: 'ftp://b', certificate-authority: /ca}}, {name: base64, cluster: {certificate-authority-data: '#'}}, {name: k, cluster: {server: 'https://a'}}]\n";
        for other in [
            "exec: {command: aws}",
            "auth-provider: {name: gcp}",
            "tokenFile: /t",
            "client-certificate: /c, client-key: /k",
            "client-certificate-data: '#', client-key-data: '#'",
            "client-key-data: '#'",
        ] {
            let users = format!(
                "users: [{{name: exec, user: {{{other}}}}}, {{name: u, user: {{token: t0}}}}]"
            );
            let text = format!("{contexts}{clusters}{users}");
            let config = taken(&text);
            assert_eq!(config.cluster_url.host(), Some("a"), "{other}");
            assert!(config.auth_info.token.is_some(), "{other}");
            let there = text.replace("current-context: c", "current-context: other");
            refusal(&there.replace("ftp://b", "https://b"));
            refusal(&text.replace("user: u}", "user: exec}"));
        }
    }

    #[test]
    fn data_come_before_a_file_and_a_file_before_a_token() {
        let user = |keys: &str| {
            format!(
                "{CONTEXT}clusters: [{{name: k, cluster: {{server: 'https://a', certificate-authority: /ca, certificate-authority-data: {CA}}}}}]\nusers: [{{name: u, user: {{{keys}}}}}]"
            )
        };
        assert!(taken(&user("token: t0")).root_cert.is_some());
        assert!(refusal(&user("token: t0, tokenFile: /t")).contains("user u has `tokenFile`"));
        let data = "client-certificate: /c, client-certificate-data: aGk=, client-key: /k, client-key-data: aGk=";
        assert!(
            refusal(&user(data))
                .contains("`client-certificate-data` of `kubeconfig` has no certificate")
        );
    }

    #[test]
    fn the_current_context_says_where_to_and_as_whom() {
        let cluster = "clusters: [{name: k, cluster: {server: 'https://10.0.0.1:6443', proxy-url: 'http://10.0.0.2:3128', tls-server-name: api}}]\n";
        let user = "users: [{name: other, user: {}}, {name: u, user: {username: me}}]";
        let config = taken(&format!("{CONTEXT}{cluster}{user}"));
        assert_eq!(config.cluster_url.host(), Some("10.0.0.1"));
        assert_eq!(config.proxy_url.unwrap().host(), Some("10.0.0.2"));
        assert_eq!(config.tls_server_name.as_deref(), Some("api"));
        assert_eq!(config.auth_info.username.as_deref(), Some("me"));
        assert!(!config.accept_invalid_certs);
    }

    #[test]
    fn a_token_is_one_line() {
        assert_eq!(bearer("abc.def\n").unwrap(), "abc.def");
        let cluster = "clusters: [{name: k, cluster: {server: 'https://a'}}]\n";
        for token in ["a\\nb", "a\\u0000b"] {
            let user = format!("users: [{{name: u, user: {{token: \"{token}\"}}}}]");
            let refused = refusal(&format!("{CONTEXT}{cluster}{user}"));
            assert!(refused.contains("the token is not a token"), "{refused}");
        }
    }

    #[test]
    fn what_is_missing_or_a_file_is_said() {
        assert!(refusal("{}").contains("no context \"\""));
        assert!(refusal(CONTEXT).contains("no cluster \"k\", which its context \"c\" names"));
        for (cluster, said) in [
            ("{}", "`server` is not the address of an API"),
            (
                "{server: 'ftp://a'}",
                "`server` is not the address of an API",
            ),
            (
                "{server: 'https://a', certificate-authority: /ca}",
                "give certificate-authority-data",
            ),
            (
                "{server: 'https://a', certificate-authority-data: '#'}",
                "is not base64",
            ),
            (
                "{server: 'https://a', certificate-authority-data: aGk=}",
                "has no certificate",
            ),
        ] {
            let text = format!("{CONTEXT}clusters: [{{name: k, cluster: {cluster}}}]");
            let refused = refusal(&text);
            assert!(refused.contains(said), "{cluster}: {refused}");
        }
    }

    #[test]
    fn what_is_secret_in_a_kubeconfig_is_known_by_itself() {
        let key = "-----BEGIN K-----\na2V5\n-----END K-----";
        let encoded = STANDARD.encode(key);
        let users = format!(
            "users: [{{name: a, user: {{token: t0, username: me, client-key-data: {encoded}}}}}, {{name: b, user: {{password: p0}}}}]"
        );
        assert_eq!(secrets(&users), [&encoded, key, "t0", "p0"]);
        let text = "clusters: [{name: a, cluster: {proxy-url: 'http://me:p%401@10.0.0.1'}}]";
        assert_eq!(secrets(text), ["p%401", "p@1"]);
        assert_eq!(secrets("users: ["), [""; 0]);
        let two =
            "users: [{name: a, user: {token: t0}}]\n---\nusers: [{name: b, user: {password: p0}}]";
        assert_eq!(secrets(two), ["t0", "p0"]);
    }

    #[test]
    fn a_token_that_looks_like_a_number_is_known_as_it_is_sent() {
        for token in ["12345678e90", "0x1f2e3d4c"] {
            let text = format!("users: [{{name: a, user: {{token: {token}}}}}]");
            assert!(secrets(&text).contains(&token.to_owned()), "{token}");
        }
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_known_too() {
        for (user, known) in [
            ("{token: [t0]}", "t0"),
            ("{token: {value: t0}}", "t0"),
            ("{password: 867530}", "867530"),
            (
                "{exec: {command: sh, env: [{name: TOKEN, value: t0}]}}",
                "t0",
            ),
            (
                "{auth-provider: {name: oidc, config: {id-token: t0}}}",
                "t0",
            ),
        ] {
            let text = format!("users: [{{name: a, user: {user}}}]");
            assert_eq!(secrets(&text), [known], "{user}");
        }
    }
}

//! Who we are to the registry: Basic, or a token from the service that it names (distribution's token protocol).

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, header::AUTHORIZATION};
use serde::Deserialize;
use trireme_transport::{Client, Request, redacted};
use url::Url;

use crate::{RegistryError, realm};

/// A token answer has 1 to 5 kB.
const TOKEN_LIMIT_BYTES: u64 = 64 * 1024;
/// The protocol's default where the service names no lifetime.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// A token this close to its end is not used any more: the request has to arrive and be judged in time.
const MARGIN: Duration = Duration::from_secs(10);

/// User name and password. No `Debug` of the password.
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl Credentials {
    /// Both halves, or none where neither is given; `place` is where they stand, for the message.
    ///
    /// # Errors
    /// When only one half is given.
    pub fn pair(
        place: &str,
        username: Option<&str>,
        password: Option<&str>,
    ) -> Result<Option<Self>, RegistryError> {
        match (username, password) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => Ok(Some(Self {
                username: username.into(),
                password: password.into(),
            })),
            _ => Err(RegistryError::HalfCredentials {
                place: place.into(),
            }),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.username)
    }
}

/// What a request needs the right to do; one token each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// The value of an `Authorization` header.
#[derive(Clone)]
struct Grant {
    header: String,
    until: Option<Instant>,
}

/// The grants of one repository.
pub(crate) struct Auth {
    credentials: Option<Credentials>,
    learn: fn(&str),
    grants: Mutex<HashMap<Access, Grant>>,
}

/// What a 401 asks for.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    /// Not used.
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

impl Auth {
    /// `learn` is told of every secret that a service hands out.
    pub fn new(credentials: Option<Credentials>, learn: fn(&str)) -> Self {
        Self {
            credentials,
            learn,
            grants: Mutex::default(),
        }
    }

    /// Adds what is known to be needed, so that most requests are sent once.
    pub fn authorize(&self, request: Request, access: Access) -> Request {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = |grant: &&Grant| grant.until.is_none_or(|until| Instant::now() < until);
        match grants.get(&access).filter(usable) {
            Some(grant) => request.secret_header(AUTHORIZATION, &grant.header),
            None => request,
        }
    }

    /// Answers the challenge of a 401 of `registry`, the address of a repository; the next [`Auth::authorize`] uses what was
    /// granted.
    pub async fn obtain(
        &self,
        client: &Client,
        what: &str,
        challenges: &[String],
        registry: &Url,
        access: Access,
    ) -> Result<(), RegistryError> {
        let grant = match choose(challenges) {
            Some(Challenge::Basic) => self.basic(what)?,
            Some(Challenge::Bearer {
                realm,
                service,
                scope,
            }) => {
                let path = registry.path().trim_start_matches("/v2/");
                let scope = scope.unwrap_or_else(|| default_scope(path, access));
                let url = realm::token_service(&realm, registry, self.credentials.is_some());
                let url = url.map_err(|reason| {
                    RegistryError::login(
                        what,
                        format!("the registry names a token service that is not asked: {reason}"),
                    )
                })?;
                self.token(client, what, url, service.as_deref(), &scope)
                    .await?
            }
            None => {
                let reason = "it answered 401 without saying how to authenticate (Basic or Bearer)";
                return Err(RegistryError::login(what, reason));
            }
        };
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.insert(access, grant);
        Ok(())
    }

    fn basic(&self, what: &str) -> Result<Grant, RegistryError> {
        let credentials = self
            .credentials
            .as_ref()
            .ok_or_else(|| RegistryError::Refused {
                what: what.into(),
                status: StatusCode::UNAUTHORIZED,
                detail: "it asks for a user name and a password, and none are given".into(),
            })?;
        Ok(Grant {
            header: basic_header(credentials),
            until: None,
        })
    }

    async fn token(
        &self,
        client: &Client,
        what: &str,
        mut url: Url,
        service: Option<&str>,
        scope: &str,
    ) -> Result<Grant, RegistryError> {
        let what = format!("{what}: asking {} for a token", redacted(&url));
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", scope);
        let mut request = Request::get(url);
        if let Some(credentials) = &self.credentials {
            request = request.secret_header(AUTHORIZATION, basic_header(credentials));
        }
        let answer = client.fetch(request, TOKEN_LIMIT_BYTES).await;
        let answer = answer.map_err(RegistryError::transport(&what))?;
        if answer.status == StatusCode::NOT_FOUND {
            // Not that what was asked for is not there: nobody was asked for that yet.
            return Err(RegistryError::login(&what, "there is no such service"));
        }
        if answer.status != StatusCode::OK {
            return Err(RegistryError::unexpected(&what, &answer));
        }
        // Not shown on failure: the answer holds a token.
        let parsed: TokenAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| RegistryError::login(&what, "the answer is not the JSON of a token"))?;
        let secrets = [&parsed.token, &parsed.access_token, &parsed.refresh_token];
        for secret in secrets.into_iter().flatten() {
            (self.learn)(secret);
        }
        let tokens = [parsed.token, parsed.access_token].into_iter().flatten();
        let token = tokens.into_iter().find(|token| !token.is_empty());
        let token = token.ok_or_else(|| RegistryError::login(&what, "the answer has no token"))?;
        let lifetime = parsed
            .expires_in
            .map_or(DEFAULT_LIFETIME, Duration::from_secs);
        Ok(Grant {
            header: format!("Bearer {token}"),
            // A lifetime beyond the clock's has no end.
            until: Instant::now().checked_add(lifetime.saturating_sub(MARGIN)),
        })
    }
}

fn basic_header(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.username, credentials.password);
    format!("Basic {}", STANDARD.encode(pair))
}

fn default_scope(path: &str, access: Access) -> String {
    let actions = match access {
        Access::Pull => "pull",
        Access::Push => "pull,push",
    };
    format!("repository:{path}:{actions}")
}

/// A token says less about us than a password, so Bearer is taken where both are offered.
fn choose(challenges: &[String]) -> Option<Challenge> {
    let single = challenges.iter().flat_map(|text| split(text));
    let mut parsed: Vec<Challenge> = single.filter_map(|text| parse(&text)).collect();
    let bearer = parsed.iter().position(|c| *c != Challenge::Basic);
    match bearer {
        Some(index) => Some(parsed.swap_remove(index)),
        None => parsed.pop(),
    }
}

/// The challenges of one header: each begins with its scheme, and commas divide them as they divide what belongs to one.
fn split(text: &str) -> Vec<String> {
    let mut challenges: Vec<String> = Vec::new();
    let mut is_quoted = false;
    let mut escaped = false;
    let parts = text.split(|c| {
        let ends = c == ',' && !is_quoted;
        is_quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    for part in parts.map(str::trim) {
        let name = part.split('=').next().unwrap_or_default();
        let begins = name == part || name.trim_end().contains(' ');
        match challenges.last_mut() {
            Some(last) if !begins => *last += &format!(",{part}"),
            _ => challenges.push(part.to_owned()),
        }
    }
    challenges
}

fn parse(text: &str) -> Option<Challenge> {
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = parameters(rest);
    Some(Challenge::Bearer {
        realm: parameters.remove("realm")?,
        service: parameters.remove("service"),
        scope: parameters.remove("scope"),
    })
}

/// `name="value",…`; a value may hold commas and escaped quotes.
fn parameters(mut rest: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.insert(name, value);
        rest = remaining;
    }
    found
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return (value, &text[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let text = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer {
            realm,
            service,
            scope,
        }) = parse(text)
        else {
            panic!("not read");
        };
        assert_eq!(realm, "https://auth.docker.io/token");
        assert_eq!(service.as_deref(), Some("registry.docker.io"));
        assert_eq!(scope.as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(parse(r#"Basic realm="x""#), Some(Challenge::Basic));
        assert_eq!(parse("basic"), Some(Challenge::Basic));
        assert_eq!(parse("Negotiate"), None);
        assert_eq!(parse("Bearer service=x"), None, "no realm");
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let both = [
            r#"Basic realm="x""#.into(),
            r#"Bearer realm="https://t""#.into(),
        ];
        assert!(matches!(choose(&both), Some(Challenge::Bearer { .. })));
        let one = [both.join(", ")];
        assert_eq!(choose(&one), choose(&both));
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn one_header_may_hold_several_challenges() {
        let bearer =
            r#"Bearer realm="https://t/a,b",scope="repository:x:pull,push", error="a \", c""#;
        let text = format!(r#"Negotiate, Basic realm="x, y" , {bearer}, NTLM"#);
        let found = split(&text);
        let expected = [
            "Negotiate",
            r#"Basic realm="x, y""#,
            &bearer.replace(", e", ",e"),
            "NTLM",
        ];
        assert_eq!(found, expected);
        assert_eq!(choose(&[text]), choose(&[bearer.into()]));
    }

    #[test]
    fn half_of_the_credentials_is_an_error_that_names_the_place() {
        let pair = |username, password| Credentials::pair("params.to", username, password);
        assert!(pair(None, None).expect("none are needed").is_none());
        let both = pair(Some("robot"), Some("hunter2")).expect("both halves");
        let both = both.expect("they are given");
        assert_eq!((&*both.username, &*both.password), ("robot", "hunter2"));
        for (username, password) in [(Some("robot"), None), (None, Some("hunter2"))] {
            let refused = pair(username, password).expect_err("a half is not enough");
            let words = refused.to_string();
            assert!(words.starts_with("params.to: "), "{words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
    }

    #[test]
    fn credentials_do_not_show_their_password() {
        let credentials = Credentials {
            username: "robot".into(),
            password: "hunter2".into(),
        };
        assert_eq!(format!("{credentials:?}"), "Credentials(robot)");
    }
}

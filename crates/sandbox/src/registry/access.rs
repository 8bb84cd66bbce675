//! Authorization: `upstream/` is the world's registry, which everyone may read and no client may write; `resources/` is for
//! resource types, which everyone may read; everything else is one's own and needs credentials, for reading too.

use axum::http::{HeaderMap, Method, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Refusal, Route};

/// The one pair of credentials of a registry.
#[derive(Clone)]
pub struct Access {
    username: String,
    password: String,
}

impl Access {
    /// What clients have to say to read and write outside of `upstream/`.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Whether a request may go on. Wrong credentials are refused everywhere, so that a typing mistake is seen at once.
    /// `/v2/` asks for credentials: clients take its challenge as the way to log in.
    pub fn check(
        &self,
        method: &Method,
        route: &Route,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let known = self.knows(headers);
        if !known && headers.contains_key(header::AUTHORIZATION) {
            return Err(Refusal::Unauthorized);
        }
        let reads = method == Method::GET || method == Method::HEAD;
        match route.repository() {
            Some(name) if is_public(name) && reads => Ok(()),
            _ if !known => Err(Refusal::Unauthorized),
            Some(name) if name.starts_with("upstream/") => Err(Refusal::Denied {
                reason: "upstream/ is read-only",
            }),
            _ => Ok(()),
        }
    }

    /// Whether a request has the credentials.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION);
        given.is_some_and(|value| value.as_bytes() == self.header().as_bytes())
    }

    pub(crate) fn header(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.username, self.password))
        )
    }
}

fn is_public(repository: &str) -> bool {
    ["upstream/", "resources/"]
        .iter()
        .any(|begin| repository.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: Method, path: &str, authorization: Option<&str>) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        Access::new("u", "p").check(&method, &Route::parse(path).unwrap(), &headers)
    }

    #[test]
    fn upstream_is_read_by_anybody_and_written_by_nobody() {
        let good = Some("Basic dTpw");
        let denied = Err(Refusal::Denied {
            reason: "upstream/ is read-only",
        });
        assert_eq!(ask(Method::GET, "/v2/upstream/a/tags/list", None), Ok(()));
        assert_eq!(
            ask(Method::PUT, "/v2/upstream/a/manifests/v1", None),
            Err(Refusal::Unauthorized)
        );
        assert_eq!(
            ask(Method::PUT, "/v2/upstream/a/manifests/v1", good),
            denied
        );
    }

    #[test]
    fn resource_types_are_read_by_anybody_and_written_with_credentials() {
        let path = "/v2/resources/trireme-image/manifests/1";
        assert_eq!(ask(Method::GET, path, None), Ok(()));
        assert_eq!(ask(Method::PUT, path, None), Err(Refusal::Unauthorized));
        assert_eq!(ask(Method::PUT, path, Some("Basic dTpw")), Ok(()));
    }

    #[test]
    fn ones_own_needs_the_right_credentials_even_to_read() {
        assert_eq!(
            ask(Method::GET, "/v2/platform/a/tags/list", None),
            Err(Refusal::Unauthorized)
        );
        assert_eq!(
            ask(Method::GET, "/v2/platform/a/tags/list", Some("Basic dTpx")),
            Err(Refusal::Unauthorized)
        );
        assert_eq!(
            ask(Method::GET, "/v2/platform/a/tags/list", Some("Basic dTpw")),
            Ok(())
        );
        assert_eq!(
            ask(
                Method::POST,
                "/v2/platform/a/blobs/uploads/",
                Some("Basic dTpw")
            ),
            Ok(())
        );
        assert_eq!(ask(Method::GET, "/v2/", None), Err(Refusal::Unauthorized));
        assert_eq!(
            ask(Method::GET, "/v2/upstream/a/tags/list", Some("Bearer x")),
            Err(Refusal::Unauthorized)
        );
    }
}

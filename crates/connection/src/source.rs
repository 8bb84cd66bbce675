//! The keys of a connection, in a struct that has keys of its own.

/// A struct of a source that has the keys of a server (`ca_certs`, `insecure`, `proxy`) after its own, and a function
/// `connection` that reads them. The text is where it stands, for messages.
///
/// ```
/// trireme_connection::server_source! {
///     /// The source of a resource.
///     pub struct Source at "source" {
///         /// Its address.
///         pub server: String,
///     }
/// }
/// let source: Source = serde_json::from_str(r#"{"server": "https://a", "insecure": true}"#).unwrap();
/// assert!(source.connection().insecure);
/// ```
#[macro_export]
macro_rules! server_source {
    ($(#[$about:meta])* pub struct $name:ident at $place:literal { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// Certificate authorities (PEM) that are trusted beside those of the system.
            #[serde(default)]
            pub ca_certs: Vec<String>,
            /// Do not check certificates, and use plain HTTP for a registry.
            #[serde(default)]
            pub insecure: bool,
            /// Proxy; default from the environment (`https_proxy`, `no_proxy`).
            #[serde(default)]
            pub proxy: Option<String>,
        }

        impl $name {
            /// How the server is reached.
            pub fn connection(&self) -> $crate::Connection<'_> {
                $crate::Connection {
                    place: $place,
                    ca_certs: &self.ca_certs,
                    insecure: self.insecure,
                    proxy: self.proxy.as_deref(),
                }
            }
        }
    };
}

/// The same with the keys of a repository (`repository`, `username`, `password`) before its own, and a function `registry`.
///
/// ```
/// trireme_connection::registry_source! {
///     /// Where an image is.
///     pub struct Source at "source" {}
/// }
/// let source: Source = serde_json::from_str(r#"{"repository": "localhost:5000/app"}"#).unwrap();
/// assert!(source.registry().open().is_ok());
/// ```
#[macro_export]
macro_rules! registry_source {
    ($(#[$about:meta])* pub struct $name:ident at $place:literal { $($own:tt)* }) => {
        $crate::server_source! {
            $(#[$about])*
            pub struct $name at $place {
                /// The repository, `HOST[:PORT]/PATH`, without tag and digest.
                pub repository: String,
                /// User name for the registry.
                #[serde(default)]
                pub username: Option<String>,
                /// Password or token for the registry.
                #[serde(default)]
                pub password: Option<$crate::Secret>,
                $($own)*
            }
        }

        impl $name {
            /// The repository, and how its registry is reached.
            pub fn registry(&self) -> $crate::RegistryConnection<'_> {
                $crate::RegistryConnection {
                    connection: self.connection(),
                    repository: &self.repository,
                    username: self.username.as_deref(),
                    password: self.password.as_ref(),
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    crate::registry_source! {
        /// A source.
        pub struct Source at "source.there" {
            /// A key of its own.
            #[serde(default)]
            pub tag: Option<String>,
        }
    }

    fn source(value: serde_json::Value) -> Result<Source, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn keys_of_its_own_and_of_the_connection_are_one_list() {
        let whole = json!({"repository": "a.test/b", "username": "me", "password": "canary", "tag": "1",
            "ca_certs": [], "insecure": true, "proxy": "http://10.0.0.1"});
        let whole = source(whole).unwrap();
        assert_eq!(whole.tag.as_deref(), Some("1"));
        assert_eq!(whole.registry().open().unwrap().name().path(), "b");
        let error = source(json!({"repository": "a", "tga": 1})).err().unwrap();
        let error = error.to_string();
        for known in ["`repository`", "`tag`", "`proxy`"] {
            assert!(error.contains(known), "{known}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_place_and_without_a_secret() {
        for (key, value, told) in [
            (
                "repository",
                json!("https://a"),
                "source.there.repository cannot be used",
            ),
            (
                "username",
                json!("me"),
                "source.there: give username and password together",
            ),
            (
                "password",
                json!("canary"),
                "source.there: give username and password together",
            ),
            (
                "ca_certs",
                json!(["canary"]),
                "the settings of source.there for HTTP cannot be used",
            ),
            (
                "proxy",
                json!("http://[canary"),
                "the settings of source.there for HTTP cannot be used",
            ),
        ] {
            let mut given = json!({"repository": "a.test/b"});
            given[key] = value;
            let error = source(given).unwrap().registry().open().err().unwrap();
            let error = error.to_string();
            assert!(error.starts_with(told), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}

//! Why a registry could not be used.

use std::{error::Error, io};

use http::StatusCode;
use trireme_transport::{Fetched, Streamed, TransportError};

/// Why an operation on a registry failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The text does not name a repository.
    #[error(
        "{text:?} does not name a repository: expected HOST[:PORT]/PATH without tag and digest ({reason})"
    )]
    Name {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A user name without a password, or the other way round.
    #[error("{place}: give username and password together, or neither")]
    HalfCredentials {
        /// Where they stand.
        place: String,
    },
    /// No usable answer came.
    #[error("{what}")]
    Transport {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: TransportError,
    },
    /// The registry, or its token service, refused us.
    #[error(
        "{what}: the registry answered {status}: {detail}; check username and password and what they may do"
    )]
    Refused {
        /// What was tried.
        what: String,
        /// 401 or 403.
        status: StatusCode,
        /// What it said.
        detail: String,
    },
    /// The registry wants credentials in a way that cannot be followed, or its token service gives no token. It says
    /// nothing about the content that was asked for.
    #[error("{what}: {reason}")]
    Login {
        /// What was tried.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// What was asked for does not exist.
    #[error("{what}: it is not there{}", said(.words.as_deref()))]
    NotFound {
        /// What was tried.
        what: String,
        /// What the registry says of it, if it says anything: the repository may be what is missing.
        words: Option<String>,
    },
    /// An answer that the protocol does not allow here.
    #[error("{what}: the registry answered {status}: {detail}")]
    Answer {
        /// What was tried.
        what: String,
        /// The status.
        status: StatusCode,
        /// What it said.
        detail: String,
    },
    /// An answer that cannot be understood.
    #[error("{what}: {reason}")]
    Malformed {
        /// What was tried.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The content is what its digest says, and no manifest that can be used.
    #[error("{what}: {reason}")]
    NoManifest {
        /// What was tried.
        what: String,
        /// What was expected and found.
        reason: String,
    },
    /// The content is not what its digest or size says.
    #[error(
        "{what}: the content has {property} {found}, expected {expected}; it was changed or cut on its way"
    )]
    Content {
        /// What was tried.
        what: String,
        /// `digest` or `size`.
        property: &'static str,
        /// As promised.
        expected: String,
        /// As it is.
        found: String,
    },
    /// The content that was to be sent could not be read.
    #[error("{what}: reading the content that is sent failed")]
    Read {
        /// What was tried.
        what: String,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A layout on the other side could not be read or written.
    #[error("{what}")]
    Layout {
        /// What was tried.
        what: String,
        /// What failed.
        #[source]
        source: crate::LayoutError,
    },
}

impl RegistryError {
    pub(crate) fn transport(what: &str) -> impl FnOnce(TransportError) -> Self {
        let what = what.to_owned();
        move |source| Self::Transport { what, source }
    }

    pub(crate) fn malformed(what: &str, reason: impl ToString) -> Self {
        Self::Malformed {
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn login(what: &str, reason: impl ToString) -> Self {
        Self::Login {
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    /// The error that this answer is.
    pub(crate) fn unexpected(what: &str, answer: &Fetched) -> Self {
        let (what, status, detail) = (what.to_owned(), answer.status, answer.describe());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Refused {
                what,
                status,
                detail,
            },
            StatusCode::NOT_FOUND => Self::NotFound {
                what,
                words: answer.words(),
            },
            _ => Self::Answer {
                what,
                status,
                detail,
            },
        }
    }

    /// The same for an answer whose body was not read yet.
    pub(crate) async fn unexpected_stream(what: &str, answer: Streamed) -> Self {
        Self::unexpected(what, &answer.start().await)
    }

    /// Whether it says that something does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the registry answered HEAD with a failure that may pass, and so without a word.
    pub(crate) fn has_no_words(&self) -> bool {
        let Self::Transport { source, .. } = self else {
            return false;
        };
        matches!(source, TransportError::Unavailable { .. })
    }

    /// Why an upload broke off on its way, if it did. Its content can be sent once, so the transport did not try again.
    pub(crate) fn broke_off(&self) -> Option<&TransportError> {
        let Self::Transport { source: error, .. } = self else {
            return None;
        };
        let is_one = match error {
            TransportError::NoAnswer {
                attempts, source, ..
            } => *attempts == 1 && !is_from_content(source.as_ref()),
            TransportError::Unavailable { attempts, .. } => *attempts == 1,
            _ => false,
        };
        is_one.then_some(error)
    }

    /// Whether trying again cannot help: the content itself is broken, gone, or not what was asked for.
    pub fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::Content { .. }
                | Self::Malformed { .. }
                | Self::NoManifest { .. }
        )
    }
}

fn said(words: Option<&str>) -> String {
    words.map_or_else(String::new, |words| format!(": {words}"))
}

/// Whether the content that was sent is the cause: it will not be better next time.
fn is_from_content(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<RegistryError>() {
            return found.is_about_content();
        }
        // The source of an I/O error is that of what it wraps, which itself would be passed over.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

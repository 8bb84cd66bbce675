//! What can go wrong with a Kubernetes API.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The way to the API is not described as it must be.
    #[error("{0}")]
    Access(String),
    /// The API answered with an error, or not at all.
    #[error("could not {act}")]
    Api {
        /// What was tried, to what.
        act: String,
        /// What the client or the API says.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object does not have the form that it must have.
    #[error("{object} is not as expected: {reason}")]
    Malformed {
        /// Which object.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer in time.
    #[error("could not {act}: no answer within {seconds} s")]
    Silent {
        /// What was tried, to what.
        act: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Another roller is at work.
    #[error(
        "another roller is at work: {holder} holds Lease {lease}; wait for its end, or stop it"
    )]
    Held {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
    },
    /// The Lease was lost while we worked.
    #[error("Lease {lease} is no longer ours (now of {holder}); nothing more is written")]
    Lost {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
    },
}

impl Error {
    pub(crate) fn api(act: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        |source| Self::Api {
            act: act.into(),
            source: Box::new(source),
        }
    }

    pub(crate) fn malformed(object: impl Into<String>, reason: impl ToString) -> Self {
        Self::Malformed {
            object: object.into(),
            reason: reason.to_string(),
        }
    }

    /// The status that the API answered with.
    pub fn status(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the same request may succeed later: no answer, a server error, or too many requests.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => status.code == 429 || status.code >= 500,
                kube::Error::HyperError(_)
                | kube::Error::Service(_)
                | kube::Error::ReadEvents(_)
                | kube::Error::HttpError(_)
                | kube::Error::SerdeError(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether someone else changed the object meanwhile: look again.
    pub fn is_conflict(&self) -> bool {
        self.status().is_some_and(|status| status.code == 409)
    }
}

//! What a pipeline says about the image.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Fault, Secret};

use crate::{
    Platform,
    endpoint::{Endpoint, check_reference},
    registry_image::{AwsLogin, AzureLogin, ContentTrust, Labels, Mirror, OneTag, Refused},
};

/// The tag that is followed when nothing else is said.
pub(crate) const DEFAULT_TAG: &str = "latest";

/// The source of an `image` resource.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository, `HOST[:PORT]/PATH`, without tag and digest.
    pub repository: String,
    /// The tag that is followed. At most one of `tag` and `digest`; with neither, the tag of the last version, at first
    /// `latest`.
    #[serde(default)]
    pub tag: Option<String>,
    /// The one image that there is, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// User name for the registry.
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token for the registry.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Certificate authorities (PEM) that are trusted beside those of the system.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// Use plain HTTP, and do not check the registry's certificate.
    #[serde(default)]
    pub insecure: bool,
    /// Proxy for the registry; default from the environment (`https_proxy`, `no_proxy`).
    #[serde(default)]
    pub proxy: Option<String>,
    /// Which image of an index a `get` unpacks; default `linux` and the processor of the machine.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Log every request.
    #[serde(default)]
    pub debug: bool,
    #[serde(
        default,
        rename = "tag_regex",
        alias = "semver_constraint",
        alias = "variant",
        alias = "pre_releases",
        alias = "pre_release_prefixes",
        alias = "created_at_sort"
    )]
    #[schemars(skip)]
    _one_tag: Refused<OneTag>,
    #[serde(
        default,
        rename = "aws_region",
        alias = "aws_access_key_id",
        alias = "aws_secret_access_key",
        alias = "aws_session_token",
        alias = "aws_role_arn",
        alias = "aws_role_arns",
        alias = "aws_account_id",
        alias = "aws_ecr_registry_id"
    )]
    #[schemars(skip)]
    _aws_login: Refused<AwsLogin>,
    #[serde(
        default,
        rename = "azure_acr",
        alias = "azure_client_id",
        alias = "azure_tenant_id",
        alias = "azure_environment"
    )]
    #[schemars(skip)]
    _azure_login: Refused<AzureLogin>,
    #[serde(default, rename = "registry_mirror")]
    #[schemars(skip)]
    _mirror: Refused<Mirror>,
    #[serde(default, rename = "content_trust")]
    #[schemars(skip)]
    _content_trust: Refused<ContentTrust>,
    #[serde(default, rename = "label_regex", alias = "annotation_regex")]
    #[schemars(skip)]
    _labels: Refused<Labels>,
}

/// What a source names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// One image for ever.
    Digest(&'a str),
    /// What a tag points to; without one, that of the last version.
    Tag(Option<&'a str>),
}

impl Source {
    /// What the source names.
    ///
    /// # Errors
    /// A configuration fault when it names both a tag and a digest, or something that is neither.
    pub(crate) fn target(&self) -> Result<Target<'_>, Fault> {
        check_reference("source", self.tag.as_deref(), self.digest.as_deref())?;
        match (&self.tag, &self.digest) {
            (Some(_), Some(_)) => Err(Fault::config(
                "source: tag and digest are both given; give one of them",
            )),
            (_, Some(digest)) => Ok(Target::Digest(digest)),
            (tag, None) => Ok(Target::Tag(tag.as_deref())),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            place: "source",
            repository: &self.repository,
            username: self.username.as_deref(),
            password: self.password.as_ref(),
            ca_certs: &self.ca_certs,
            insecure: self.insecure,
            proxy: self.proxy.as_deref(),
        }
    }
}

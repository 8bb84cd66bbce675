//! What a pipeline says about the image.

use trireme_protocol::{
    Fault,
    types::{Word, word_if_any},
};

use crate::{
    Platform,
    reference::check_reference,
    registry_image::{AwsLogin, AzureLogin, ContentTrust, Labels, Mirror, OneTag, Refused},
};

trireme_connection::registry_source! {
    /// The source of an `image` resource.
    pub struct Source at "source" {
        /// The tag that is followed. At most one of `tag` and `digest`; with neither, the tag of the last version: what a `put`
        /// stored.
        #[serde(default, deserialize_with = "word_if_any")]
        #[schemars(with = "Word")]
        pub tag: Option<String>,
        /// The one image that there is, `sha256:…`.
        #[serde(default)]
        pub digest: Option<String>,
        /// Which image of an index a `get` unpacks; default `linux` and the processor of the machine.
        #[serde(default)]
        pub platform: Option<Platform>,
        /// Log every request.
        #[serde(default)]
        pub debug: bool,
        #[serde(default, rename = "tag_regex")]
        _tag_regex: Refused<OneTag>,
        #[serde(default, rename = "semver_constraint")]
        _semver_constraint: Refused<OneTag>,
        #[serde(default, rename = "variant")]
        _variant: Refused<OneTag>,
        #[serde(default, rename = "pre_releases")]
        _pre_releases: Refused<OneTag>,
        #[serde(default, rename = "pre_release_prefixes")]
        _pre_release_prefixes: Refused<OneTag>,
        #[serde(default, rename = "created_at_sort")]
        _created_at_sort: Refused<OneTag>,
        #[serde(default, rename = "aws_region")]
        _aws_region: Refused<AwsLogin>,
        #[serde(default, rename = "aws_access_key_id")]
        _aws_access_key_id: Refused<AwsLogin>,
        #[serde(default, rename = "aws_secret_access_key")]
        _aws_secret_access_key: Refused<AwsLogin>,
        #[serde(default, rename = "aws_session_token")]
        _aws_session_token: Refused<AwsLogin>,
        #[serde(default, rename = "aws_role_arn")]
        _aws_role_arn: Refused<AwsLogin>,
        #[serde(default, rename = "aws_role_arns")]
        _aws_role_arns: Refused<AwsLogin>,
        #[serde(default, rename = "aws_account_id")]
        _aws_account_id: Refused<AwsLogin>,
        #[serde(default, rename = "aws_ecr_registry_id")]
        _aws_ecr_registry_id: Refused<AwsLogin>,
        #[serde(default, rename = "azure_acr")]
        _azure_acr: Refused<AzureLogin>,
        #[serde(default, rename = "azure_client_id")]
        _azure_client_id: Refused<AzureLogin>,
        #[serde(default, rename = "azure_tenant_id")]
        _azure_tenant_id: Refused<AzureLogin>,
        #[serde(default, rename = "azure_environment")]
        _azure_environment: Refused<AzureLogin>,
        #[serde(default, rename = "registry_mirror")]
        _registry_mirror: Refused<Mirror>,
        #[serde(default, rename = "content_trust")]
        _content_trust: Refused<ContentTrust>,
        #[serde(default, rename = "label_regex")]
        _label_regex: Refused<Labels>,
        #[serde(default, rename = "annotation_regex")]
        _annotation_regex: Refused<Labels>,
    }
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
}

//! The keys of Concourse's `registry-image` that mean something else here.
//!
//! Who moves from it brings them along. "Unknown field" would be true and no help: each is refused by a message that
//! names what takes its place. They stand in the types for that alone, and in no schema.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny},
};

/// A key that nobody may give; `null` is as good as absent.
#[derive(Debug, Default)]
pub(crate) struct Refused<W>(PhantomData<W>);

/// What takes the place of a key.
pub(crate) trait Instead {
    /// A whole sentence, after the name of the key.
    const WORDS: &'static str;
}

impl<'de, W: Instead> Deserialize<'de> for Refused<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(Self(PhantomData)),
            Some(_) => Err(D::Error::custom(W::WORDS)),
        }
    }
}

macro_rules! instead {
    ($($(#[$meta:meta])* $name:ident: $words:literal;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Default)]
            pub(crate) struct $name;

            impl Instead for $name {
                const WORDS: &'static str =
                    concat!("this key of registry-image is not known here: ", $words);
            }
        )*
    };
}

instead! {
    /// Keys that choose among the tags of a repository.
    OneTag: "one tag is followed, that of `tag`; where tags are versions, let registry-image or another resource find the \
        newest and give it to a put in `tag_file`";
    /// Keys of Amazon's registry.
    AwsLogin: "give `username: AWS` and as `password` what `aws ecr get-login-password` prints, with the whole host \
        name in `repository`";
    /// Keys of Azure's registry.
    AzureLogin: "give the name and the password of a token of the registry, or of a service principal, as `username` \
        and `password`";
    /// Another host in the place of Docker's.
    Mirror: "name the mirror itself in `repository`, with its `username` and `password`";
    /// Notary v1.
    ContentTrust: "Notary's service ends in December 2026; sign and verify by digest with the resource `image-signature`";
    /// Keys that show labels and annotations as metadata.
    Labels: "the file `labels.json` of a get has all labels";
    /// Params of a put that make tags out of a version.
    TagsOfVersion: "name the tag in `tag` or `tag_file`, and further ones in the file of `additional_tags`";
}

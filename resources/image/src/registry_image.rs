//! The keys of Concourse's `registry-image` that mean something else here.
//!
//! Who moves from it brings them along. "Unknown field" would be true and no help: each is refused by a message that
//! names what takes its place. They stand in the types for that alone, and in the schema as deprecated.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// A key that nobody may give a value that means something: `null`, `false`, `""`, `{}` and `[]` are as good as absent.
#[derive(Debug, Default)]
pub(crate) struct Refused<W>(PhantomData<W>);

/// What takes the place of a key.
pub(crate) trait Instead {
    /// A whole sentence, after the name of the key.
    const WORDS: &'static str;
}

impl<'de, W: Instead> Deserialize<'de> for Refused<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match is_inactive(&Value::deserialize(deserializer)?) {
            true => Ok(Self(PhantomData)),
            false => Err(D::Error::custom(W::WORDS)),
        }
    }
}

/// Whether `registry-image` takes the value for none. A mapping of nothing but such values means nothing either.
fn is_inactive(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().all(is_empty),
        value => is_empty(value),
    }
}

fn is_empty(value: &Value) -> bool {
    let empty = [Value::Null, false.into(), "".into(), Value::Array(vec![])];
    empty.contains(value)
}

/// The same for who looks at a pipeline before it runs.
impl<W: Instead> JsonSchema for Refused<W> {
    fn schema_name() -> Cow<'static, str> {
        "Refused".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let empty = json_schema!({"enum": [null, false, "", []]});
        let mapping = json_schema!({"type": "object", "additionalProperties": empty});
        json_schema!({"description": W::WORDS, "deprecated": true, "anyOf": [empty, mapping]})
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

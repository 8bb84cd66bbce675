//! The bodies that `kubectl drain` and `kubectl auth` send as protobuf and in no other form: evictions, deletions, and
//! questions about access. Answers are JSON, which kubectl takes as well.
//!
//! The messages have the fields that are looked at, with the numbers of the `generated.proto` files of `k8s.io/api` and
//! `k8s.io/apimachinery`; in JSON they have the names of the API.

use prost::Message;
use serde::Serialize;
use serde_json::{Value, json};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The object in a body, as JSON; `None` for one of another kind, or one that cannot be read.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    let Unknown { type_meta, raw } = Unknown::decode(body.strip_prefix(MAGIC)?).ok()?;
    let TypeMeta { api_version, kind } = type_meta?;
    let mut object = match kind.as_str() {
        "Eviction" => read::<Eviction>(&raw)?,
        "DeleteOptions" => read::<DeleteOptions>(&raw)?,
        "SelfSubjectAccessReview" => read::<AccessReview>(&raw)?,
        "SelfSubjectRulesReview" => read::<RulesReview>(&raw)?,
        "SelfSubjectReview" => json!({}),
        _ => return None,
    };
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Some(object)
}

fn read<T: Message + Default + Serialize>(raw: &[u8]) -> Option<Value> {
    serde_json::to_value(T::decode(raw).ok()?).ok()
}

/// Declares messages: the number, the name and the type of each field.
macro_rules! messages {
    ($($name:ident { $($(#[$prost:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            #[derive(Clone, PartialEq, Message, Serialize)]
            #[serde(rename_all = "camelCase")]
            struct $name { $($(#[$prost])* $field: $type,)* }
        )*
    };
}

messages! {
    Unknown {
        #[prost(message, tag = 1)] type_meta: Option<TypeMeta>,
        #[prost(bytes, tag = 2)] raw: Vec<u8>,
    }
    TypeMeta {
        #[prost(string, tag = 1)] api_version: String,
        #[prost(string, tag = 2)] kind: String,
    }
    Eviction {
        #[prost(message, tag = 1)] metadata: Option<Metadata>,
        #[prost(message, tag = 2)] delete_options: Option<DeleteOptions>,
    }
    Metadata {
        #[prost(string, tag = 1)] name: String,
        #[prost(string, tag = 3)] namespace: String,
    }
    DeleteOptions {
        #[prost(int64, optional, tag = 1)] grace_period_seconds: Option<i64>,
        #[prost(message, tag = 2)] preconditions: Option<Preconditions>,
        #[prost(bool, optional, tag = 3)] orphan_dependents: Option<bool>,
        #[prost(string, optional, tag = 4)] propagation_policy: Option<String>,
        #[prost(string, repeated, tag = 5)] dry_run: Vec<String>,
    }
    Preconditions {
        #[prost(string, optional, tag = 1)] uid: Option<String>,
        #[prost(string, optional, tag = 2)] resource_version: Option<String>,
    }
    AccessReview {
        #[prost(message, tag = 2)] spec: Option<AccessSpec>,
    }
    AccessSpec {
        #[prost(message, tag = 1)] resource_attributes: Option<ResourceAttributes>,
        #[prost(message, tag = 2)] non_resource_attributes: Option<PathAttributes>,
    }
    ResourceAttributes {
        #[prost(string, tag = 1)] namespace: String,
        #[prost(string, tag = 2)] verb: String,
        #[prost(string, tag = 3)] group: String,
        #[prost(string, tag = 4)] version: String,
        #[prost(string, tag = 5)] resource: String,
        #[prost(string, tag = 6)] subresource: String,
        #[prost(string, tag = 7)] name: String,
    }
    PathAttributes {
        #[prost(string, tag = 1)] path: String,
        #[prost(string, tag = 2)] verb: String,
    }
    RulesReview {
        #[prost(message, tag = 2)] spec: Option<RulesSpec>,
    }
    RulesSpec {
        #[prost(string, tag = 1)] namespace: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_is_read_and_every_cut_is_refused_or_harmless() {
        let body = b"k8s\0\x0a\x15\x0a\x09policy/v1\x12\x08Eviction\x12\x12\x0a\x09\x0a\x01a\x12\x00\x1a\x02ns\x12\x05\x2a\x03All";
        let eviction = decode(body).unwrap();
        assert_eq!(eviction["apiVersion"], "policy/v1");
        assert_eq!(
            eviction["metadata"],
            json!({"name": "a", "namespace": "ns"})
        );
        assert_eq!(eviction["deleteOptions"]["dryRun"], json!(["All"]));
        for length in 0..body.len() {
            assert_ne!(
                decode(&body[..length]),
                Some(eviction.clone()),
                "cut at {length}"
            );
        }
    }
}

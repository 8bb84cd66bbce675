//! The messages that are read, as tables: numbers and names are those of the `generated.proto` files of `k8s.io/api`
//! and `k8s.io/apimachinery`.

use super::{
    Field,
    Holds::{Flag, Message, Number, Text, Texts},
};

/// The type of an object, in front of it.
pub(super) const TYPE: &[Field] = &[(1, "apiVersion", Text), (2, "kind", Text)];

/// The message of a kind; `None` for one that is not read.
pub(super) fn of(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Eviction" => EVICTION,
        "DeleteOptions" => DELETE_OPTIONS,
        "SelfSubjectAccessReview" => &[(2, "spec", Message(ACCESS))],
        "SelfSubjectRulesReview" => &[(2, "spec", Message(&[(1, "namespace", Text)]))],
        "SelfSubjectReview" => &[],
        _ => return None,
    })
}

const METADATA: &[Field] = &[(1, "name", Text), (3, "namespace", Text)];

const PRECONDITIONS: &[Field] = &[(1, "uid", Text), (2, "resourceVersion", Text)];
const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Message(PRECONDITIONS)),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
const EVICTION: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "deleteOptions", Message(DELETE_OPTIONS)),
];

const RESOURCE: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const PATH: &[Field] = &[(1, "path", Text), (2, "verb", Text)];
const ACCESS: &[Field] = &[
    (1, "resourceAttributes", Message(RESOURCE)),
    (2, "nonResourceAttributes", Message(PATH)),
];

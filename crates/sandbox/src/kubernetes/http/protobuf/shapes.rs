//! The messages that are read, as tables: numbers and names are those of the `generated.proto` files of `k8s.io/api`
//! and `k8s.io/apimachinery`. Of a workload they have the fields that the generators of `kubectl create` fill.

use super::{
    Field,
    Holds::{Count, Data, Flag, IntOrText, Message, Messages, Number, Pairs, Text, Texts},
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
        "TokenRequest" => TOKEN_REQUEST,
        "Namespace" => &[(1, "metadata", Message(METADATA))],
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Service" => SERVICE,
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "PodDisruptionBudget" => BUDGET,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING,
        _ => return None,
    })
}

const METADATA: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (11, "labels", Pairs),
    (12, "annotations", Pairs),
    (14, "finalizers", Texts),
];

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
const TOKEN_SPEC: &[Field] = &[(1, "audiences", Texts), (4, "expirationSeconds", Number)];
const TOKEN_REQUEST: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(TOKEN_SPEC)),
];

const CONFIG_MAP: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "data", Pairs),
    (3, "binaryData", Data),
    (4, "immutable", Flag),
];
const SECRET: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "data", Data),
    (3, "type", Text),
    (4, "stringData", Pairs),
    (5, "immutable", Flag),
];
const SERVICE_ACCOUNT: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (4, "automountServiceAccountToken", Flag),
];

const SERVICE_PORT: &[Field] = &[
    (1, "name", Text),
    (2, "protocol", Text),
    (3, "port", Count),
    (4, "targetPort", IntOrText),
    (5, "nodePort", Count),
];
const SERVICE_SPEC: &[Field] = &[
    (1, "ports", Messages(SERVICE_PORT)),
    (2, "selector", Pairs),
    (3, "clusterIP", Text),
    (4, "type", Text),
    (10, "externalName", Text),
];
const SERVICE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(SERVICE_SPEC)),
];

const REQUIREMENT: &[Field] = &[
    (1, "key", Text),
    (2, "operator", Text),
    (3, "values", Texts),
];
const SELECTOR: &[Field] = &[
    (1, "matchLabels", Pairs),
    (2, "matchExpressions", Messages(REQUIREMENT)),
];
const CONTAINER_PORT: &[Field] = &[
    (1, "name", Text),
    (2, "hostPort", Count),
    (3, "containerPort", Count),
    (4, "protocol", Text),
];
const CONTAINER: &[Field] = &[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", Texts),
    (4, "args", Texts),
    (6, "ports", Messages(CONTAINER_PORT)),
    (7, "env", Messages(&[(1, "name", Text), (2, "value", Text)])),
    (14, "imagePullPolicy", Text),
];
const POD_SPEC: &[Field] = &[
    (2, "containers", Messages(CONTAINER)),
    (3, "restartPolicy", Text),
    (4, "terminationGracePeriodSeconds", Number),
    (7, "nodeSelector", Pairs),
    (8, "serviceAccountName", Text),
    (10, "nodeName", Text),
];
const TEMPLATE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(POD_SPEC)),
];
const DEPLOYMENT_SPEC: &[Field] = &[
    (1, "replicas", Number),
    (2, "selector", Message(SELECTOR)),
    (3, "template", Message(TEMPLATE)),
    (4, "strategy", Message(&[(1, "type", Text)])),
    (5, "minReadySeconds", Count),
];
const DEPLOYMENT: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(DEPLOYMENT_SPEC)),
];
const JOB_SPEC: &[Field] = &[
    (1, "parallelism", Number),
    (2, "completions", Number),
    (6, "template", Message(TEMPLATE)),
    (7, "backoffLimit", Number),
];
const JOB: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(JOB_SPEC)),
];

const BUDGET_SPEC: &[Field] = &[
    (1, "minAvailable", IntOrText),
    (2, "selector", Message(SELECTOR)),
    (3, "maxUnavailable", IntOrText),
    (4, "unhealthyPodEvictionPolicy", Text),
];
const BUDGET: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(BUDGET_SPEC)),
];

const RULE: &[Field] = &[
    (1, "verbs", Texts),
    (2, "apiGroups", Texts),
    (3, "resources", Texts),
    (4, "resourceNames", Texts),
    (5, "nonResourceURLs", Texts),
];
const ROLE: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "rules", Messages(RULE)),
];
const SUBJECT: &[Field] = &[
    (1, "kind", Text),
    (2, "apiGroup", Text),
    (3, "name", Text),
    (4, "namespace", Text),
];
const ROLE_REF: &[Field] = &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)];
const BINDING: &[Field] = &[
    (1, "metadata", Message(METADATA)),
    (2, "subjects", Messages(SUBJECT)),
    (3, "roleRef", Message(ROLE_REF)),
];

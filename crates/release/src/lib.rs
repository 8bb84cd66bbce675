//! Version grammars, their order, and the Kubernetes version-skew rules (pure).

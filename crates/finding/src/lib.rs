//! Findings, the policy over them, and the verdict (pure).

//! What Trireme asks of a Kubernetes API: inventory, eviction, lease, record.

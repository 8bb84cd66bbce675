//! Concourse resource: roll a Kubernetes cluster with no downtime.

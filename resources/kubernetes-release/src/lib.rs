//! Concourse resource: new Kubernetes releases.

//! A whole platform on loopback: registry, release server, advisories, Kubernetes API.

//! Concourse resource: container images, every byte verified.

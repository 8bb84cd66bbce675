//! Concourse resource: sign images and verify their signatures.

//! The Concourse resource protocol: wire types, the Resource trait, dispatch, errors, redaction.

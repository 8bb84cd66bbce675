//! OCI distribution client: manifests, blobs, referrers, layouts.

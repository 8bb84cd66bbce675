//! What all resources have alike.

/// A resource type and its [`Resource`](crate::Resource), from what is its own. In scope of the call are its types `Source`,
/// `Version` (with a function `validate`), `GetParams` and `PutParams`, and its functions `check::check(step, source, last)`,
/// `get::get(step, source, version, params, dir)` and `put::put(step, source, params, dir)`. A grace of its own
/// ([`Resource::GRACE`](crate::Resource::GRACE)) follows its name.
#[macro_export]
macro_rules! resource {
    ($(#[$about:meta])* pub struct $resource:ident is $name:literal $(with grace $grace:expr)?) => {
        $(#[$about])*
        pub struct $resource;

        impl $crate::Resource for $resource {
            const NAME: &'static str = $name;
            $(const GRACE: ::std::time::Duration = $grace;)?
            type Source = Source;
            type Version = Version;
            type GetParams = GetParams;
            type PutParams = PutParams;

            fn validate_version(version: &Version) -> Result<(), $crate::Fault> {
                version.validate()
            }

            async fn check(
                &self,
                step: &$crate::StepContext,
                source: Source,
                last: Option<Version>,
            ) -> ::anyhow::Result<Vec<Version>> {
                check::check(step, &source, last).await
            }

            async fn get(
                &self,
                step: &$crate::StepContext,
                source: Source,
                version: Version,
                params: GetParams,
                dir: &::std::path::Path,
            ) -> ::anyhow::Result<$crate::Outcome<Version>> {
                get::get(step, &source, version, &params, dir).await
            }

            async fn put(
                &self,
                step: &$crate::StepContext,
                source: Source,
                params: PutParams,
                dir: &::std::path::Path,
            ) -> ::anyhow::Result<$crate::Outcome<Version>> {
                put::put(step, &source, &params, dir).await
            }
        }
    };
}

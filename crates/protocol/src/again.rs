//! What a person runs when a step could not do what it was asked for.

use std::env;

/// Which job to run again: Concourse tells a `get` or a `put` of which job it is. To check alone helps nobody, since a build
/// keeps the versions that it began with.
///
/// ```
/// let words = trireme_protocol::run_again();
/// assert!(words.starts_with("run "));
/// ```
pub fn run_again() -> String {
    words(env::var("BUILD_JOB_NAME").ok().as_deref())
}

fn words(job: Option<&str>) -> String {
    match job.filter(|job| !job.is_empty()) {
        Some(job) => format!(
            "run job `{job}` again, which takes the version that is there now; where its get has `passed`, run the job \
             named there first"
        ),
        None => "run a check and take the version that is there now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_job_is_named_where_there_is_one() {
        assert!(words(Some("roll")).starts_with("run job `roll` again"));
        for none in [None, Some("")] {
            assert!(words(none).starts_with("run a check"));
        }
    }
}

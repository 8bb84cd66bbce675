//! `check`: which releases are new?

use trireme_protocol::Step;
use trireme_release::{
    Constraint, Minor, Version as Release,
    next::{self, Next},
};

use crate::api_server::ApiServer;
use crate::running::{self, Running};
use crate::{ReleaseServer, Source, Version};

/// How many minors one check asks for at most. Three are maintained at a time, a year each; a platform that is ten
/// behind first needs a `from`, with which two questions suffice.
const MINORS_LIMIT: usize = 10;

/// The releases from `last` on, oldest first.
pub(crate) async fn check(
    step: &Step,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let constraint = source.constraint()?;
    source.from.as_ref().map(Running::validate).transpose()?;
    source.image_registry()?;
    let last = last.map(|version| version.release()).transpose()?;
    let server = ReleaseServer::open(source)?;
    let running = match &source.from {
        Some(from) => Some(running_version(step, from).await?),
        None => None,
    };
    let newest = server.newest().await?;
    let search = Search {
        running,
        last,
        constraint,
        newest,
    };
    let available = search.available(step, &server).await?;
    let releases = search.emitted(step, &available);
    Ok(releases.iter().map(Version::stable).collect())
}

/// The version that the pipeline names, or that the API server says.
async fn running_version(step: &Step, from: &Running) -> anyhow::Result<Release> {
    match from {
        Running::Version(text) => Ok(running::version(text)?),
        Running::Server(source) => {
            let version = ApiServer::open(source)?.version().await?;
            step.debug("API server", format!("runs {version}"));
            Ok(version)
        }
    }
}

/// What decides which releases are emitted.
struct Search {
    running: Option<Release>,
    last: Option<Release>,
    constraint: Constraint,
    /// The newest stable release of all.
    newest: Release,
}

impl Search {
    /// The newest release of every minor that matters.
    async fn available(&self, step: &Step, server: &ReleaseServer) -> anyhow::Result<Vec<Release>> {
        let minors = minors(
            &self.constraint,
            self.running.as_ref(),
            self.last.as_ref(),
            self.newest.minor(),
        );
        let first_suffices = self.running.is_none() && self.last.is_none();
        // A release that is not allowed can come before the one that is.
        let matters = |release: &Release| self.running.is_some() || self.constraint.allows(release);
        let mut available = Vec::new();
        for minor in minors {
            match server.newest_of(minor).await? {
                None => step.debug(format!("minor {minor}"), "has no marker, skipped"),
                Some(release) if matters(&release) => available.push(release),
                Some(release) => {
                    let message = format!("is not {}", self.constraint);
                    step.debug(format!("release {release}"), message);
                }
            }
            if first_suffices && !available.is_empty() {
                break;
            }
        }
        Ok(available)
    }

    /// The releases to emit; says why when there is no new one.
    fn emitted(&self, step: &Step, available: &[Release]) -> Vec<Release> {
        let (constraint, last) = (&self.constraint, self.last.as_ref());
        let Some(running) = &self.running else {
            let releases = all_from(last, available, &self.newest, constraint);
            if releases.is_empty() {
                let message = format!("none is {constraint} (newest stable: {})", self.newest);
                step.info("releases", message);
            }
            return releases;
        };
        let next = next::after(running, available, constraint);
        let releases = next_from(running, last, &next, constraint);
        explain(step, self, running, &next, !releases.is_empty());
        releases
    }
}

/// The minors whose markers decide, newest first: those that the constraint allows, and the one that runs.
fn minors(
    constraint: &Constraint,
    running: Option<&Release>,
    last: Option<&Release>,
    newest: Minor,
) -> Vec<Minor> {
    let of = |number| Minor {
        major: newest.major,
        minor: number,
    };
    let runs = |minor: &Minor| running.is_some_and(|running| running.minor() == *minor);
    let (lowest, highest) = match (running, last) {
        // What follows is in the minor that runs or the next one.
        (Some(running), _) => {
            let own = running.minor().minor;
            (own, newest.minor.min(own + 1))
        }
        (None, Some(last)) => (last.minor().minor, newest.minor),
        (None, None) => (0, newest.minor),
    };
    (lowest..=highest)
        .rev()
        .map(of)
        .filter(|minor| runs(minor) || constraint.touches(*minor))
        .take(MINORS_LIMIT)
        .collect()
}

/// When it is not known what runs: `last` while it is valid, and all that is newer; at first only the newest. When nothing is
/// newer and `last` is not valid (withdrawn, or the constraint changed), the newest.
fn all_from(
    last: Option<&Release>,
    available: &[Release],
    newest: &Release,
    constraint: &Constraint,
) -> Vec<Release> {
    let Some(last) = last else {
        return available.iter().max().cloned().into_iter().collect();
    };
    let mut releases: Vec<Release> = available
        .iter()
        .filter(|release| *release > last)
        .cloned()
        .collect();
    // A marker names the newest patch, so that an older one of its minor was published before it.
    if constraint.allows(last) && last <= newest {
        releases.push(last.clone());
    }
    if releases.is_empty() {
        releases.extend(available.iter().max().cloned());
    }
    releases.sort();
    releases
}

/// When it is known what runs: the next release, after `last` when that is between the two. Only one step is emitted, since a
/// pipeline takes the newest version, and a minor must not be skipped.
///
/// When nothing follows, what runs, so that a pipeline has a version and its roll can be run again. Not when `last` is newer:
/// its marker may be missing for a moment only. Concourse orders versions by when they first came and would take what runs for
/// the latest from then on, also after the marker is back.
fn next_from(
    running: &Release,
    last: Option<&Release>,
    next: &Next,
    constraint: &Constraint,
) -> Vec<Release> {
    // A release server knows no builds of vendors.
    let running = &running.release();
    let Next::Upgrade(next) = next else {
        let is_stable = !running.is_prerelease() && constraint.allows(running);
        let goes_back = last.is_some_and(|last| last > running);
        return Vec::from_iter((is_stable && !goes_back).then(|| running.clone()));
    };
    let is_between = |last: &&Release| {
        *last > running && *last < next && last.minor() == next.minor() && constraint.allows(last)
    };
    last.filter(is_between)
        .cloned()
        .into_iter()
        .chain([next.clone()])
        .collect()
}

/// Says why no newer release is emitted: a warning where a person has to act.
fn explain(step: &Step, search: &Search, running: &Release, next: &Next, again: bool) {
    let (constraint, newest) = (&search.constraint, &search.newest);
    let object = "releases";
    match next {
        Next::Upgrade(_) => {}
        _ if running.release() > *newest => step.info(
            object,
            format!(
                "nothing follows {running}: the newest stable release is the older {newest}; is release_server a mirror that \
                 is behind?"
            ),
        ),
        Next::Unknown(minor) => step.warn(
            object,
            format!(
                "release_server has no marker of {minor}: there may be a newer patch, which would come first; complete the \
                 mirror"
            ),
        ),
        Next::NotAllowed(next) if next.minor() == running.minor() => step.warn(
            object,
            format!(
                "{next} comes before every release of the next minor, and source.constraint ({constraint}) does not allow it; \
                 widen the constraint"
            ),
        ),
        Next::NotAllowed(_) | Next::UpToDate => {
            let emitted = match again {
                true => format!(", so {} is emitted", running.release()),
                false => String::new(),
            };
            step.info(
                object,
                format!("nothing in {constraint} follows {running} (newest stable: {newest}){emitted}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Release {
        text.parse().unwrap()
    }

    fn all(texts: &[&str]) -> Vec<Release> {
        texts.iter().map(|text| v(text)).collect()
    }

    fn asked(constraint: &str, running: Option<&str>, last: Option<&str>) -> Vec<u64> {
        let (running, last) = (running.map(v), last.map(v));
        let newest = Minor {
            major: 1,
            minor: 37,
        };
        let constraint = constraint.parse().unwrap();
        let minors = minors(&constraint, running.as_ref(), last.as_ref(), newest);
        minors.iter().map(|minor| minor.minor).collect()
    }

    #[test]
    fn few_markers_are_asked_for() {
        assert_eq!(asked(">=1.35, <1.37", None, None), [36, 35]);
        assert_eq!(asked("*", Some("1.35.2"), None), [36, 35]);
        assert_eq!(asked("*", Some("1.37.2"), None), [37]);
        assert_eq!(asked(">=1.37", Some("1.36.4"), None), [37, 36]);
        assert_eq!(asked("<1.36", Some("1.36.4"), None), [36]);
        assert_eq!(asked("*", Some("1.99.0"), None), Vec::<u64>::new());
        assert_eq!(asked("*", None, Some("1.36.1")), [37, 36]);
        assert_eq!(asked("*", None, Some("1.0.0")).len(), MINORS_LIMIT);
        assert_eq!(asked("~1.3", None, None), [3]);
    }

    #[test]
    fn the_last_version_comes_first_while_it_is_valid() {
        let any = Constraint::ANY;
        let (available, newest) = (all(&["1.37.2", "1.36.6"]), v("1.37.2"));
        assert_eq!(all_from(None, &available, &newest, &any), all(&["1.37.2"]));
        assert_eq!(
            all_from(Some(&newest), &available, &newest, &any),
            all(&["1.37.2"])
        );
        let last = v("1.36.4");
        assert_eq!(
            all_from(Some(&last), &available, &newest, &any),
            all(&["1.36.4", "1.36.6", "1.37.2"])
        );
        let only = "~1.37".parse().unwrap();
        assert_eq!(
            all_from(Some(&last), &all(&["1.37.2"]), &newest, &only),
            all(&["1.37.2"])
        );
        assert_eq!(
            all_from(Some(&v("1.38.0")), &available, &newest, &any),
            all(&["1.37.2"])
        );
    }

    fn found(running: &str, last: Option<&str>, newest: &[&str], constraint: &str) -> Vec<Release> {
        let constraint = constraint.parse().unwrap();
        let next = next::after(&v(running), &all(newest), &constraint);
        next_from(&v(running), last.map(v).as_ref(), &next, &constraint)
    }

    #[test]
    fn only_the_next_release_is_emitted() {
        let found = |running, last| found(running, last, &["1.37.2", "1.36.6"], "*");
        for running in ["1.36.4", "1.36.4+k3s1", "1.36.4-eks-1234", "1.36.4-gke.5"] {
            assert_eq!(found(running, None), all(&["1.36.6"]), "{running}");
            assert_eq!(
                found(running, Some("1.37.2")),
                all(&["1.36.6"]),
                "{running}"
            );
        }
        assert_eq!(found("1.36.6+vmware.1", None), all(&["1.37.2"]));
        assert_eq!(found("1.36.6", Some("1.37.1")), all(&["1.37.1", "1.37.2"]));
        assert_eq!(found("1.36.6", Some("1.37.3")), all(&["1.37.2"]));
    }

    #[test]
    fn what_runs_is_emitted_when_nothing_follows_it() {
        let newest = &["1.37.2", "1.36.6"];
        for (running, last, constraint, expected) in [
            ("1.37.2", None, "*", &["1.37.2"][..]),
            ("1.37.2", Some("1.37.2"), "*", &["1.37.2"]),
            ("1.37.2+k3s1", Some("1.37.2"), "*", &["1.37.2"]),
            ("1.37.2-eks-cb19647", Some("1.36.6"), "*", &["1.37.2"]),
            // Rolled by other means.
            ("1.37.2", Some("1.36.4"), "*", &["1.37.2"]),
            // The next minor, or the next patch, is not allowed.
            ("1.36.6", None, "<1.37", &["1.36.6"]),
            ("1.36.4", None, "<1.36.6", &["1.36.4"]),
            // Neither is what runs.
            ("1.36.4", None, ">=1.37", &[]),
            ("1.37.2", None, "<1.37", &[]),
            // No marker of what runs: that nothing newer is known is no reason against it.
            ("1.34.0", None, "*", &["1.34.0"]),
            ("1.38.0", None, "*", &["1.38.0"]),
            ("1.38.0-rc.1", None, "*", &[]),
        ] {
            let emitted = found(running, last, newest, constraint);
            assert_eq!(
                emitted,
                all(expected),
                "{running} after {last:?} in {constraint}"
            );
        }
    }

    /// As on a real Concourse, where a version keeps the place that it got when it first came.
    #[test]
    fn a_marker_that_is_missing_for_a_moment_does_not_make_what_runs_the_latest() {
        let (whole, gap) = (&["1.38.0", "1.37.2"][..], &["1.37.2"][..]);
        assert_eq!(found("1.37.2", None, whole, "*"), all(&["1.38.0"]));
        assert_eq!(found("1.37.2", Some("1.38.0"), gap, "*"), []);
        assert_eq!(
            found("1.37.2", Some("1.38.0"), whole, "*"),
            all(&["1.38.0"])
        );
        // A marker that went back does not make what runs too new.
        assert_eq!(
            found("1.37.2", Some("1.37.2"), &["1.37.1"], "*"),
            all(&["1.37.2"])
        );
    }
}

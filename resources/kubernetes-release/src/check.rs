//! `check`: which releases are new?

use trireme_protocol::Step;
use trireme_release::{
    Constraint, Minor, Version as Release,
    next::{self, Next},
};

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
    let from = source.from()?;
    source.image_registry()?;
    let last = last.map(|version| version.release()).transpose()?;
    let server = ReleaseServer::open(step, source)?;
    let newest = server.newest().await?;
    let minors = minors(&constraint, from.as_ref(), last.as_ref(), newest.minor());
    let first_suffices = from.is_none() && last.is_none();
    // Where one runs, also a release that is not wanted can stand in the way.
    let decides = |release: &Release| from.is_some() || constraint.allows(release);
    let mut available = Vec::new();
    for minor in minors {
        match server.newest_of(minor).await? {
            None => step.debug(format!("minor {minor}"), "no marker, skipped"),
            Some(release) if decides(&release) => available.push(release),
            Some(release) => {
                step.debug(format!("release {release}"), format!("is not {constraint}"));
            }
        }
        if first_suffices && !available.is_empty() {
            break;
        }
    }
    let releases = match &from {
        Some(from) => {
            let next = next::after(from, &available, &constraint);
            tell(step, from, &next, &constraint, &newest);
            after(from, last.as_ref(), &next, &constraint)
        }
        None => since(last.as_ref(), &available, &newest, &constraint),
    };
    if releases.is_empty() && from.is_none() {
        let message = format!("none is {constraint} (newest stable: {newest})");
        step.info("releases", message);
    }
    Ok(releases.iter().map(Version::stable).collect())
}

/// The minors whose markers decide, newest first: those with releases that are wanted, and the one that runs.
fn minors(
    constraint: &Constraint,
    from: Option<&Release>,
    last: Option<&Release>,
    newest: Minor,
) -> Vec<Minor> {
    let of = |number| Minor {
        major: newest.major,
        minor: number,
    };
    let runs = |minor: &Minor| from.is_some_and(|from| from.minor() == *minor);
    let (lowest, highest) = match (from, last) {
        // What comes next is in the minor that runs or the one after.
        (Some(from), _) => (from.minor().minor, newest.minor.min(from.minor().minor + 1)),
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

/// Without a release that runs: `last` while it is valid, and what is newer; at first the newest only. When nothing is
/// newer and `last` is not valid (withdrawn, or the constraint changed), the newest that there is.
fn since(
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

/// With a release that runs: the one to go to now, after `last` when that was on the same way.
///
/// Only one step of the way is emitted, since a pipeline takes the newest version, and a minor must not be skipped.
fn after(
    from: &Release,
    last: Option<&Release>,
    next: &Next,
    constraint: &Constraint,
) -> Vec<Release> {
    let Next::Upgrade(step) = next else {
        return Vec::new();
    };
    let on_the_way = |last: &&Release| {
        *last > from && *last < step && last.minor() == step.minor() && constraint.allows(last)
    };
    last.filter(on_the_way)
        .cloned()
        .into_iter()
        .chain([step.clone()])
        .collect()
}

/// Says why nothing is emitted: a warning where somebody has to do something about it.
fn tell(step: &Step, from: &Release, next: &Next, constraint: &Constraint, newest: &Release) {
    let object = "releases";
    match next {
        Next::Upgrade(_) => {}
        _ if from > newest => step.info(
            object,
            format!(
                "nothing to reach from {from}: the newest stable release is the older {newest}; is release_server a \
                 mirror that is behind?"
            ),
        ),
        Next::Unknown(minor) => step.warn(
            object,
            format!(
                "release_server has no marker of {minor}: a newer patch of it would come first, and there may be one; \
                 complete the mirror"
            ),
        ),
        Next::NotAllowed(next) if next.minor() == from.minor() => step.warn(
            object,
            format!(
                "{next} comes before every release of the next minor, and source.constraint ({constraint}) does not \
                 allow it: widen it"
            ),
        ),
        Next::NotAllowed(_) | Next::UpToDate => step.info(
            object,
            format!("nothing to reach from {from} among {constraint} (newest stable: {newest})"),
        ),
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

    fn asked(constraint: &str, from: Option<&str>, last: Option<&str>) -> Vec<u64> {
        let (from, last) = (from.map(v), last.map(v));
        let newest = Minor {
            major: 1,
            minor: 37,
        };
        let constraint = constraint.parse().unwrap();
        let minors = minors(&constraint, from.as_ref(), last.as_ref(), newest);
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
        assert_eq!(since(None, &available, &newest, &any), all(&["1.37.2"]));
        assert_eq!(
            since(Some(&newest), &available, &newest, &any),
            all(&["1.37.2"])
        );
        let last = v("1.36.4");
        assert_eq!(
            since(Some(&last), &available, &newest, &any),
            all(&["1.36.4", "1.36.6", "1.37.2"])
        );
        let only = "~1.37".parse().unwrap();
        assert_eq!(
            since(Some(&last), &all(&["1.37.2"]), &newest, &only),
            all(&["1.37.2"])
        );
        assert_eq!(
            since(Some(&v("1.38.0")), &available, &newest, &any),
            all(&["1.37.2"])
        );
    }

    #[test]
    fn only_the_next_step_of_the_way_is_emitted() {
        let any = Constraint::ANY;
        let newest = all(&["1.37.2", "1.36.6"]);
        let found = |from: &str, last: Option<&str>| {
            let next = next::after(&v(from), &newest, &any);
            after(&v(from), last.map(v).as_ref(), &next, &any)
        };
        assert_eq!(found("1.36.4", None), all(&["1.36.6"]));
        assert_eq!(found("1.36.6", None), all(&["1.37.2"]));
        assert_eq!(found("1.36.6", Some("1.37.1")), all(&["1.37.1", "1.37.2"]));
        assert_eq!(found("1.36.4", Some("1.37.2")), all(&["1.36.6"]));
        assert_eq!(found("1.37.2", Some("1.37.2")), []);
        assert_eq!(found("1.34.0", None), []);
    }
}

//! `check`: which releases are new?

#[cfg(test)]
mod tests;

use trireme_protocol::StepContext;
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
    step: &StepContext,
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
    let mut search = Search {
        running,
        last: last.map(|release| Last {
            release,
            is_published: true,
        }),
        constraint,
        newest,
    };
    let available = search.available(step, &server).await?;
    search.look_back(step, &server, &available).await?;
    let releases = search.emitted(step, &available);
    Ok(releases.iter().map(Version::stable).collect())
}

/// The version that the pipeline names, or that the API server says.
async fn running_version(step: &StepContext, from: &Running) -> anyhow::Result<Release> {
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
    last: Option<Last>,
    constraint: Constraint,
    /// The newest stable release of all.
    newest: Release,
}

/// The release that Concourse knows.
#[derive(Debug, Clone)]
struct Last {
    release: Release,
    /// Whether it is still there; asked for only when its marker went back.
    is_published: bool,
}

impl Last {
    /// Whether it is still a version to go on from.
    fn is_valid(&self, constraint: &Constraint) -> bool {
        self.is_published && constraint.allows(&self.release)
    }
}

impl Search {
    /// The newest release of every minor that matters.
    async fn available(
        &self,
        step: &StepContext,
        server: &ReleaseServer,
    ) -> anyhow::Result<Vec<Release>> {
        let minors = minors(
            &self.constraint,
            self.running.as_ref(),
            self.last.as_ref().map(|last| &last.release),
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

    /// Finds out whether the marker of the last release went back (they have, for days: kubernetes/kubectl#1656), and whether
    /// that release is still published.
    async fn look_back(
        &mut self,
        step: &StepContext,
        server: &ReleaseServer,
        available: &[Release],
    ) -> anyhow::Result<()> {
        let Some(last) = &mut self.last else {
            return Ok(());
        };
        let of_its_minor = available
            .iter()
            .find(|release| release.minor() == last.release.minor());
        let names = of_its_minor.unwrap_or(&self.newest);
        if *names >= last.release {
            return Ok(());
        }
        last.is_published = server.has(&last.release).await?;
        let release = &last.release;
        let now = match last.is_published {
            true => format!("{release} is still published and stays the newest version"),
            false => format!("{release} is not published any more; nothing older is emitted"),
        };
        step.warn(
            "releases",
            format!("release_server now names {names}, which is older than {release}, which was emitted before: {now}"),
        );
        Ok(())
    }

    /// The releases to emit; says why when there is no new one.
    fn emitted(&self, step: &StepContext, available: &[Release]) -> Vec<Release> {
        let (constraint, last) = (&self.constraint, self.last.as_ref());
        let Some(running) = &self.running else {
            let releases = all_from(last, available, constraint);
            if releases.is_empty() && last.is_none_or(|last| last.is_published) {
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

/// When it is not known what runs: `last` while it is valid, and all that is newer; at first only the newest. Never one that is
/// older than `last`: Concourse would take it for news.
fn all_from(last: Option<&Last>, available: &[Release], constraint: &Constraint) -> Vec<Release> {
    let Some(last) = last else {
        return available.iter().max().cloned().into_iter().collect();
    };
    let mut releases: Vec<Release> = available
        .iter()
        .filter(|release| **release > last.release)
        .cloned()
        .collect();
    if last.is_valid(constraint) {
        releases.push(last.release.clone());
    }
    releases.sort();
    releases
}

/// When it is known what runs: the next release, after `last` when that is between the two. Only one step is emitted, since a
/// pipeline takes the newest version, and a minor must not be skipped.
///
/// When nothing follows, what runs, so that a pipeline has a version and its roll can be run again. Not when `last` is newer:
/// its marker may be missing for a moment only. Concourse orders versions by when they first came and would take what runs for
/// the latest from then on, also after the marker is back. For the same reason `last` stays when its marker went back.
fn next_from(
    running: &Release,
    last: Option<&Last>,
    next: &Next,
    constraint: &Constraint,
) -> Vec<Release> {
    // A release server knows no builds of vendors.
    let running = &running.release();
    let Next::Upgrade(next) = next else {
        let is_stable = !running.is_prerelease() && constraint.allows(running);
        let goes_back = last.is_some_and(|last| last.release > *running);
        return Vec::from_iter((is_stable && !goes_back).then(|| running.clone()));
    };
    let of_the_minor = last.filter(|last| last.release.minor() == next.minor());
    let valid = of_the_minor.filter(|last| last.is_valid(constraint));
    let known = valid.map(|last| last.release.clone());
    if of_the_minor.is_some_and(|last| last.release > *next) {
        return known.into_iter().collect();
    }
    let is_between = |last: &Release| last > running && last < next;
    let known = known.filter(is_between);
    known.into_iter().chain([next.clone()]).collect()
}

/// Says why no newer release is emitted: a warning where a person has to act.
fn explain(step: &StepContext, search: &Search, running: &Release, next: &Next, again: bool) {
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

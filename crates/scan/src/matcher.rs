//! Matching: which advisories are about the installed packages.

mod flaws;

use std::collections::{BTreeMap, BTreeSet};

use trireme_finding::{Finding, Kind, NotExamined, Package};

use crate::{
    Catalogue, Ecosystem, ScanError,
    osv::{Advisory, Affected, Hit},
};
use flaws::Match;

/// How many ecosystems are named when the wanted one is missing.
const NAMED_ECOSYSTEMS: usize = 8;

/// By the name of what advisories are about: the installed versions, and what is installed of each.
type Installed = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Takes the records of a database one after another and keeps what matches.
pub struct Matcher {
    ecosystem: Ecosystem,
    installed: Installed,
    seen: BTreeSet<String>,
    covered: bool,
    records: usize,
    matches: Vec<Match>,
    /// What has advisories, and a version that is not known.
    undecided: BTreeSet<String>,
}

/// What a matcher found out.
#[derive(Debug, Default)]
pub struct Matched {
    /// One finding for each flaw.
    pub findings: Vec<Finding>,
    /// What could not be matched.
    pub not_examined: Option<NotExamined>,
}

impl Matcher {
    /// A matcher for each ecosystem of an image.
    pub fn all(catalogue: &Catalogue) -> Vec<Self> {
        let matcher = |ecosystem: &Ecosystem| Self {
            ecosystem: ecosystem.clone(),
            installed: installed(&catalogue.packages, ecosystem),
            seen: BTreeSet::new(),
            covered: false,
            records: 0,
            matches: Vec::new(),
            undecided: BTreeSet::new(),
        };
        catalogue.ecosystems.iter().map(matcher).collect()
    }

    /// Whose advisories are wanted.
    pub fn ecosystem(&self) -> &Ecosystem {
        &self.ecosystem
    }

    /// Takes one record.
    pub fn offer(&mut self, advisory: &Advisory) {
        self.records += 1;
        for affected in &advisory.affected {
            self.note_ecosystem(affected);
        }
        if advisory.is_withdrawn() {
            return;
        }
        for affected in &advisory.affected {
            self.compare(advisory, affected);
        }
    }

    fn compare(&mut self, advisory: &Advisory, affected: &Affected) {
        let Some(package) = &affected.package else {
            return;
        };
        let Some(versions) = self.installed.get(&package.name) else {
            return;
        };
        if !self.ecosystem.is_in(&package.ecosystem) {
            return;
        }
        for (version, binaries) in versions {
            if version.is_empty() {
                self.undecided.extend(
                    binaries
                        .iter()
                        .map(|name| format!("{} in {name}", package.name)),
                );
            } else if Ecosystem::has_build(&package.ecosystem, version)
                && let Some(hit) = affected.hit(version, self.ecosystem.order())
            {
                let finding = finding(advisory, affected, &self.ecosystem, version, binaries, hit);
                self.matches.push(Match {
                    finding,
                    aliases: advisory.aliases.clone(),
                    upstream: advisory.upstream.clone(),
                });
            }
        }
    }

    /// A record that names no release is about every one, and says nothing of whether this one is covered.
    fn note_ecosystem(&mut self, affected: &Affected) {
        let Some(package) = &affected.package else {
            return;
        };
        self.covered |= self.ecosystem.is(&package.ecosystem);
        if self.seen.len() < NAMED_ECOSYSTEMS && !self.seen.contains(&package.ecosystem) {
            self.seen.insert(package.ecosystem.clone());
        }
    }

    /// What was found.
    ///
    /// # Errors
    /// The database held no records, or none about the image's ecosystem.
    pub fn finish(self) -> Result<Matched, ScanError> {
        if self.records == 0 {
            return Err(ScanError::NoRecords);
        }
        if !self.covered {
            let found = self.seen.into_iter().collect::<Vec<_>>().join(", ");
            return Err(ScanError::EcosystemNotCovered {
                wanted: self.ecosystem.to_string(),
                found,
            });
        }
        let undecided = (!self.undecided.is_empty()).then(|| NotExamined {
            kind: Kind::Module,
            what: "module whose version is not known".to_owned(),
            reason: "it has advisories, and its program does not say which version it is"
                .to_owned(),
            names: self.undecided,
        });
        Ok(Matched {
            findings: flaws::merged(self.matches, self.ecosystem.order()),
            not_examined: undecided,
        })
    }
}

fn installed(packages: &[Package], ecosystem: &Ecosystem) -> Installed {
    let mut installed = Installed::new();
    let ours = packages
        .iter()
        .filter(|package| package.ecosystem == ecosystem.name() && !is_kernel_headers(package));
    for package in ours {
        let versions = installed.entry(package.source.name.clone()).or_default();
        let shown = package.program.as_ref().unwrap_or(&package.name);
        versions
            .entry(package.source.version.clone())
            .or_default()
            .insert(shown.clone());
    }
    installed
}

/// Headers and build tools come from the kernel's source package, whose advisories are about the kernel that runs. That is the
/// host's.
fn is_kernel_headers(package: &Package) -> bool {
    let is_kernel = |name: &str| name == "linux" || name.starts_with("linux-");
    let parts = ["-libc-dev", "-headers", "-kbuild-", "-compiler-"];
    let is_part = parts.iter().any(|part| package.name.contains(part));
    is_kernel(&package.source.name) && is_kernel(&package.name) && is_part
}

fn finding(
    advisory: &Advisory,
    affected: &Affected,
    ecosystem: &Ecosystem,
    version: &str,
    binaries: &BTreeSet<String>,
    hit: Hit,
) -> Finding {
    Finding {
        id: advisory.id.clone(),
        advisories: vec![advisory.id.clone()],
        // Filled in with those of the other advisories about the same flaw.
        aliases: Vec::new(),
        ecosystem: ecosystem.name().to_owned(),
        package: affected
            .package
            .as_ref()
            .map(|package| package.name.clone())
            .unwrap_or_default(),
        binaries: binaries.iter().cloned().collect(),
        version: version.to_owned(),
        fixed: hit.fixed,
        severity: advisory.rating(affected),
        summary: advisory.summary.clone(),
    }
}

#[cfg(test)]
mod tests;

//! Matching: which advisories are about the installed packages.

use std::collections::{BTreeMap, BTreeSet};

use trireme_finding::Finding;

use crate::{
    Catalogue, Ecosystem, ScanError, SourcePackage,
    osv::{Advisory, Affected, Hit},
};

/// How many ecosystems are named when the wanted one is missing.
const NAMED_ECOSYSTEMS: usize = 8;

/// Takes the records of a database one after another and keeps the findings.
pub struct Matcher {
    ecosystem: Ecosystem,
    /// The installed versions and binary packages of each source package.
    sources: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    seen: BTreeSet<String>,
    covered: bool,
    records: usize,
    findings: Vec<Finding>,
}

impl Matcher {
    /// A matcher for the packages of an image; none if there is nothing to match.
    pub fn new(catalogue: &Catalogue) -> Option<Self> {
        let mut sources: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for package in &catalogue.packages {
            let SourcePackage { name, version } = package.source.clone();
            sources
                .entry(name)
                .or_default()
                .entry(version)
                .or_default()
                .insert(package.name.clone());
        }
        let ecosystem = catalogue.ecosystem.clone()?;
        Some(Self {
            ecosystem,
            sources,
            seen: BTreeSet::new(),
            covered: false,
            records: 0,
            findings: Vec::new(),
        })
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
            let Some(package) = &affected.package else {
                continue;
            };
            if let Some(versions) = self
                .sources
                .get(&package.name)
                .filter(|_| self.ecosystem.is_in(&package.ecosystem))
            {
                let found = versions.iter().filter_map(|(version, binaries)| {
                    let hit = affected.hit(version, self.ecosystem.order())?;
                    Some(finding(
                        advisory,
                        affected,
                        &self.ecosystem,
                        version,
                        binaries,
                        hit,
                    ))
                });
                self.findings.extend(found);
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

    /// The findings.
    ///
    /// # Errors
    /// The database held no records, or none about the image's ecosystem.
    pub fn finish(self) -> Result<Vec<Finding>, ScanError> {
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
        Ok(self.findings)
    }
}

fn finding(
    advisory: &Advisory,
    affected: &Affected,
    ecosystem: &Ecosystem,
    version: &str,
    binaries: &BTreeSet<String>,
    hit: Hit,
) -> Finding {
    let aliases: BTreeSet<_> = advisory
        .aliases
        .iter()
        .chain(&advisory.upstream)
        .cloned()
        .collect();
    Finding {
        id: advisory.id.clone(),
        aliases: aliases.into_iter().collect(),
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

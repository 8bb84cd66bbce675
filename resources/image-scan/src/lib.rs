//! Concourse resource: scan verdicts that follow the advisories.

//! What is remembered from run to run, in `<state>/runner.json`: which versions each resource has had,
//! and what each build took and made.
//!
//! The file is replaced as a whole (written beside it, synced, renamed), so that kill -9 leaves the old
//! or the new one. A build is recorded before it starts; one that is still "running" when the file is
//! read was cut off, counts as aborted and is done again.

mod lock;
#[cfg(test)]
mod tests;

pub use lock::StateLock;

use crate::error::RunnerError;
use crate::inputs::Chosen;
use crate::report::{Metadatum, Status, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Raised when the meaning of a field changes; fixtures of older ones stay readable.
const FORMAT: u32 = 1;
/// Folders of builds that are kept per job; Concourse keeps 100 logs by default, here each holds whole artifacts.
const KEPT_BUILDS: usize = 10;
/// Versions and builds that are remembered: far more than a laptop uses, few enough to read in a moment.
const KEPT_RECORDS: usize = 500;

/// The state folder, locked for this process.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    record: Record,
    _lock: StateLock,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    #[serde(default)]
    resources: BTreeMap<String, ResourceRecord>,
    #[serde(default)]
    jobs: BTreeMap<String, Vec<BuildRecord>>,
    /// What gets have fetched, by [`crate::service::Service::cache_key`].
    #[serde(default)]
    fetched: BTreeMap<String, FetchedRecord>,
}

/// What a get has fetched: a later get of the same takes it from here, as Concourse does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FetchedRecord {
    /// Where the files lie, in the folder of the build that fetched them.
    pub dir: PathBuf,
    pub fetched_at: Timestamp,
    pub version: Version,
    pub metadata: Vec<Metadatum>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ResourceRecord {
    /// Digest of type and source: other sources have other versions.
    config: String,
    /// Oldest first.
    versions: Vec<Version>,
}

/// One build, as remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildRecord {
    pub number: u64,
    /// `None` while it runs.
    pub status: Option<Status>,
    pub started_at: Timestamp,
    /// Name of the get → what it took.
    pub inputs: BTreeMap<String, Taken>,
    /// What its puts made.
    pub outputs: Vec<Taken>,
    /// Job in `passed` → the build of it that the inputs came from.
    #[serde(default)]
    pub passed_builds: BTreeMap<String, u64>,
}

/// A version of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub resource: String,
    pub version: Version,
}

impl Store {
    /// Opens a state folder that is ours.
    ///
    /// # Errors
    /// It cannot be read or written, or its content is not understood.
    pub fn open(lock: StateLock) -> Result<Self, RunnerError> {
        let dir = lock.dir().to_owned();
        let mut record = read(&dir.join("runner.json"))?;
        for build in record.jobs.values_mut().flatten() {
            build.status.get_or_insert(Status::Aborted);
        }
        Ok(Self {
            dir,
            record,
            _lock: lock,
        })
    }

    /// The versions of a resource, oldest first.
    pub fn versions(&self, resource: &str) -> &[Version] {
        self.record
            .resources
            .get(resource)
            .map_or(&[], |record| record.versions.as_slice())
    }

    /// Forgets the versions of a resource whose configuration has changed.
    pub fn set_config(&mut self, resource: &str, config: String) {
        let record = self
            .record
            .resources
            .entry(resource.to_owned())
            .or_default();
        if record.config != config {
            *record = ResourceRecord {
                config,
                versions: Vec::new(),
            };
        }
    }

    /// Adds what a check found. As in Concourse, if anything of it is new, all of it moves to the end, in the order found
    /// (`atc/db/resource_config_scope.go`).
    pub fn add_versions(&mut self, resource: &str, found: Vec<Version>) -> Result<(), RunnerError> {
        let known = &mut self
            .record
            .resources
            .entry(resource.to_owned())
            .or_default()
            .versions;
        if found.iter().all(|version| known.contains(version)) {
            return Ok(());
        }
        known.retain(|version| !found.contains(version));
        known.extend(found);
        let surplus = known.len().saturating_sub(KEPT_RECORDS);
        known.drain(..surplus);
        self.save()
    }

    /// The builds of a job, oldest first.
    pub fn builds(&self, job: &str) -> &[BuildRecord] {
        self.record.jobs.get(job).map_or(&[], Vec::as_slice)
    }

    /// The successful builds of a job, newest first.
    pub fn succeeded<'s>(&'s self, job: &str) -> impl Iterator<Item = &'s BuildRecord> + use<'s> {
        self.builds(job)
            .iter()
            .rev()
            .filter(|build| build.status == Some(Status::Succeeded))
    }

    /// Records that a build starts, and makes its folder.
    pub fn start_build(
        &mut self,
        job: &str,
        chosen: &Chosen,
        started_at: Timestamp,
    ) -> Result<(u64, PathBuf), RunnerError> {
        let builds = self.record.jobs.entry(job.to_owned()).or_default();
        let number = builds.last().map_or(1, |last| last.number + 1);
        builds.push(BuildRecord {
            number,
            status: None,
            started_at,
            inputs: chosen.inputs.clone(),
            outputs: Vec::new(),
            passed_builds: chosen.passed_builds.clone(),
        });
        let surplus = builds.len().saturating_sub(KEPT_RECORDS);
        builds.drain(..surplus);
        self.save()?;
        let dir = self.build_dir(job, number);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(RunnerError::io("remove", &dir))?;
        }
        fs::create_dir_all(&dir).map_err(RunnerError::io("create", &dir))?;
        self.prune(job)?;
        Ok((number, dir))
    }

    /// Records a version that a put made: it is the newest of its resource, and the build made it.
    pub fn add_output(&mut self, job: &str, number: u64, output: Taken) -> Result<(), RunnerError> {
        if let Some(build) = self.build_mut(job, number) {
            build.outputs.push(output.clone());
        }
        let Taken { resource, version } = output;
        let known = &mut self.record.resources.entry(resource).or_default().versions;
        if !known.contains(&version) {
            known.push(version);
        }
        self.save()
    }

    /// Records how a build ended.
    pub fn end_build(&mut self, job: &str, number: u64, status: Status) -> Result<(), RunnerError> {
        if let Some(build) = self.build_mut(job, number) {
            build.status = Some(status);
        }
        self.save()
    }

    /// What was fetched under this key, while its files are there.
    pub fn fetched(&self, key: &str) -> Option<FetchedRecord> {
        let mut record = self.record.fetched.get(key)?.clone();
        record.dir = self.dir.join(record.dir);
        record.dir.is_dir().then_some(record)
    }

    /// Keeps what was fetched under this key. It goes with the folder of the build.
    pub fn keep_fetched(
        &mut self,
        key: String,
        mut record: FetchedRecord,
    ) -> Result<(), RunnerError> {
        if let Ok(dir) = record.dir.strip_prefix(&self.dir) {
            record.dir = dir.to_owned();
        }
        let dir = self.dir.clone();
        self.record
            .fetched
            .retain(|_, kept| dir.join(&kept.dir).is_dir());
        self.record.fetched.insert(key, record);
        self.save()
    }

    /// The folder in which a task's cache is kept between builds.
    pub fn cache_dir(&self, job: &str) -> PathBuf {
        self.dir.join("caches").join(file_name(job))
    }

    fn build_mut(&mut self, job: &str, number: u64) -> Option<&mut BuildRecord> {
        self.record
            .jobs
            .get_mut(job)?
            .iter_mut()
            .find(|build| build.number == number)
    }

    fn build_dir(&self, job: &str, number: u64) -> PathBuf {
        self.dir
            .join("builds")
            .join(file_name(job))
            .join(number.to_string())
    }

    /// Removes the folders of old builds; the records stay.
    fn prune(&self, job: &str) -> Result<(), RunnerError> {
        for build in self.builds(job).iter().rev().skip(KEPT_BUILDS) {
            let dir = self.build_dir(job, build.number);
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(RunnerError::io("remove", dir)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<(), RunnerError> {
        let path = self.dir.join("runner.json");
        let bytes =
            serde_json::to_vec_pretty(&self.record).map_err(|error| RunnerError::State {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        replace(&path, &bytes).map_err(RunnerError::io("write", path))
    }
}

fn read(path: &Path) -> Result<Record, RunnerError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Record {
                format: FORMAT,
                resources: BTreeMap::new(),
                jobs: BTreeMap::new(),
                fetched: BTreeMap::new(),
            });
        }
        Err(error) => return Err(RunnerError::io("read", path)(error)),
    };
    let wrong = |reason| RunnerError::State {
        path: path.to_owned(),
        reason,
    };
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if record.format != FORMAT {
        return Err(wrong(format!(
            "format {}, expected {FORMAT}",
            record.format
        )));
    }
    Ok(record)
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

/// A name as one path segment, different for different names: what a job may be called in Concourse (`/` too, with a warning)
/// must neither leave the folder nor meet another job in it.
pub(crate) fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for (index, c) in name.chars().enumerate() {
        if c.is_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && index > 0) {
            file.push(c);
        } else {
            file.push_str(&format!("%{:X}", u32::from(c)));
        }
    }
    file
}

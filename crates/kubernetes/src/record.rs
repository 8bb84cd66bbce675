//! The record: what is wanted and what was finished, kept on the cluster beside the Lease.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trireme_blueprint::{FORMAT, Identity, ObservationLog, Wanted};
use trireme_release::Version;

use crate::cluster::{READ_PAUSES, bounded, read};
use crate::writes::MANAGER;
use crate::{Cluster, Error, names};

/// The key of [`Record::log`]. The first release named it, and later ones read it.
const LOG: &str = "journal";

/// The key of [`Record::finished_log`].
const FINISHED_LOG: &str = "finished_log";
/// The key of [`Record::first_evidence`].
const FIRST_EVIDENCE: &str = "evidence";
/// The key of [`Record::epoch`].
const EPOCH: &str = "epoch";
/// The most bytes of a log. A ConfigMap holds 1 MiB, and two logs may be in it.
const LOG_LIMIT_BYTES: usize = 192 << 10;
/// Larger evidence of the first release is not kept: the record must always have room for what resuming needs.
const FIRST_EVIDENCE_LIMIT_BYTES: usize = 384 << 10;

/// What is kept on the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What a put asked for last.
    pub wanted: Option<Wanted>,
    /// The roll that was begun last.
    pub begun: Option<Mark>,
    /// The roll that was finished last.
    pub finished: Option<Mark>,
    /// What its runs observed of the budgets. What it did to the nodes is in their annotations.
    pub finished_log: Option<ObservationLog>,
    /// Its evidence as the first release kept it here: format 1 of `roll.json`. The next roll that is finished removes it.
    pub first_evidence: Option<String>,
    /// What the run that stopped last had observed of the budgets.
    pub log: Option<ObservationLog>,
    /// The epoch of the run that stored it last. 0 when that run was of a release that did not write it.
    pub epoch: u64,
    /// Guards against a change by someone else.
    resource_version: Option<String>,
}

/// A roll, as a version names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The blueprint's id.
    pub blueprint: String,
    /// The oldest version that a node came from.
    pub from: Version,
    /// The wanted version.
    pub to: Version,
    /// The id of the roll ([`trireme_blueprint::Goal::roll`]). Empty in a mark of a release that did not know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub roll: String,
    /// When it was first seen.
    pub since: String,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What its id covers. None in a mark that was written before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

impl Record {
    fn read(map: &ConfigMap) -> Result<Self, Error> {
        let data = map.data.clone().unwrap_or_default();
        let format: u32 = part(&data, "format")?.unwrap_or(FORMAT);
        if format > FORMAT {
            let reason = format!("format {format} is newer than {FORMAT}; use a newer trireme");
            return Err(Error::malformed(title(), reason));
        }
        Ok(Self {
            wanted: part(&data, "wanted")?,
            begun: part(&data, "begun")?,
            finished: part(&data, "finished")?,
            finished_log: part(&data, FINISHED_LOG)?,
            first_evidence: data.get(FIRST_EVIDENCE).cloned(),
            log: part(&data, LOG)?,
            epoch: part(&data, EPOCH)?.unwrap_or_default(),
            resource_version: map.metadata.resource_version.clone(),
        })
    }

    fn write(&self) -> Result<ConfigMap, Error> {
        let mut data = BTreeMap::from([("format".to_owned(), FORMAT.to_string())]);
        put(&mut data, "wanted", self.wanted.as_ref())?;
        put(&mut data, "begun", self.begun.as_ref())?;
        put(&mut data, "finished", self.finished.as_ref())?;
        let within = |log: &ObservationLog| log.clone().within(LOG_LIMIT_BYTES);
        put(
            &mut data,
            FINISHED_LOG,
            self.finished_log.as_ref().map(within).as_ref(),
        )?;
        put(&mut data, LOG, self.log.as_ref().map(within).as_ref())?;
        put(
            &mut data,
            EPOCH,
            Some(self.epoch).filter(|epoch| *epoch > 0).as_ref(),
        )?;
        let first = self.first_evidence.clone();
        let first = first.filter(|text| text.len() <= FIRST_EVIDENCE_LIMIT_BYTES);
        data.extend(first.map(|text| (FIRST_EVIDENCE.to_owned(), text)));
        let mut map = ConfigMap {
            data: Some(data),
            ..ConfigMap::default()
        };
        map.metadata.name = Some(names::RECORD.into());
        map.metadata.resource_version = self.resource_version.clone();
        Ok(map)
    }
}

impl Cluster {
    /// Reads the record. Without one on the cluster: an empty record.
    ///
    /// # Errors
    /// When the API does not answer, or the record is of a newer format or malformed.
    pub async fn record(&self) -> Result<Record, Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let act = format!("read {}", title());
        let map = read(&act, || api.get_opt(names::RECORD)).await?;
        map.as_ref()
            .map(Record::read)
            .transpose()
            .map(Option::unwrap_or_default)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the API refuses, does not answer, or someone else has changed it since it was read.
    pub async fn store(&self, record: &mut Record) -> Result<(), Error> {
        let map = record.write()?;
        for pause in READ_PAUSES {
            match self.store_once(record, &map).await {
                Err(error) if error.may_pass() => tokio::time::sleep(pause).await,
                stored => return stored,
            }
            // Whether it was stored all the same.
            let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
            let act = format!("read {}", title());
            let found = read(&act, || api.get_opt(names::RECORD)).await?;
            if let Some(found) = found.filter(|found| found.data == map.data) {
                record.resource_version = found.metadata.resource_version;
                return Ok(());
            }
        }
        self.store_once(record, &map).await
    }

    async fn store_once(&self, record: &mut Record, map: &ConfigMap) -> Result<(), Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let act = format!("write {}", title());
        let params = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        let stored = match record.resource_version {
            None => bounded(act, api.create(&params, map)).await?,
            Some(_) => bounded(act, api.replace(names::RECORD, &params, map)).await?,
        };
        record.resource_version = stored.metadata.resource_version;
        Ok(())
    }
}

fn title() -> String {
    format!("ConfigMap {}", names::RECORD)
}

fn part<T: DeserializeOwned>(
    data: &BTreeMap<String, String>,
    key: &str,
) -> Result<Option<T>, Error> {
    let value = data
        .get(key)
        .map(|text| serde_json::from_str(text))
        .transpose();
    value.map_err(|error| Error::malformed(format!("key `{key}` of {}", title()), error))
}

fn put<T: Serialize>(
    data: &mut BTreeMap<String, String>,
    key: &str,
    value: Option<&T>,
) -> Result<(), Error> {
    if let Some(value) = value {
        let text =
            serde_json::to_string(value).map_err(|error| Error::malformed(title(), error))?;
        data.insert(key.into(), text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use trireme_blueprint::Budget;
    use trireme_evidence::RollFile;

    use super::*;

    /// A record as format 1 wrote it; it must load for ever.
    const FIRST: &str = r#"{"metadata": {"name": "trireme", "resourceVersion": "7"}, "data": {
        "format": "1",
        "wanted": "{\"version\":\"v1.37.2\",\"images\":{\"kube-proxy\":\"r.example/kube-proxy@sha256:00\"}}",
        "finished": "{\"blueprint\":\"ab\",\"from\":\"v1.36.4\",\"to\":\"v1.37.2\",\"since\":\"2026-01-01T00:00:00Z\",\"finished_at\":\"2026-01-01T00:10:00Z\"}",
        "evidence": "{\"format\":1,\"blueprint\":\"ab\",\"from\":\"v1.36.4\",\"to\":\"v1.37.2\",\"started_at\":\"2026-01-01T00:01:00Z\",\"finished_at\":\"2026-01-01T00:09:00Z\",\"nodes\":[],\"budgets\":[]}"
    }}"#;

    #[test]
    fn what_format_1_wrote_is_read_and_written_again() {
        let map: ConfigMap = serde_json::from_str(FIRST).unwrap();
        let record = Record::read(&map).unwrap();
        assert_eq!(
            record.finished.as_ref().unwrap().from,
            Version::new(1, 36, 4)
        );
        assert_eq!(record.wanted.as_ref().unwrap().images.len(), 1);
        // What the id covers was not written then.
        assert_eq!(record.finished.as_ref().unwrap().identity, None);
        let first = record.first_evidence.as_ref().unwrap();
        let evidence = RollFile::from_json(first.as_bytes()).unwrap();
        assert_eq!(
            (evidence.blueprint.as_str(), evidence.unwatched),
            ("ab", None)
        );
        assert_eq!(record.write().unwrap(), map);
        let later = Record { epoch: 7, ..record };
        assert_eq!(Record::read(&later.write().unwrap()).unwrap().epoch, 7);
    }

    #[test]
    fn what_a_later_release_added_is_accepted() {
        let mut map: ConfigMap = serde_json::from_str(FIRST).unwrap();
        let data = map.data.as_mut().unwrap();
        for text in data.values_mut() {
            *text = text.replacen('{', "{\"later\":{\"more\":[1]},", 1);
        }
        let sample =
            r#"{"at":"2026-01-01T00:00:00Z","current":1,"allowed":1,"desired":1,"later":1}"#;
        let span = r#"{"from":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:09Z","later":1}"#;
        let budget =
            format!(r#"{{"namespace":"shop","name":"web","samples":[{sample}],"later":1}}"#);
        let observations =
            format!(r#"{{"blueprint":"ab","budgets":[{budget}],"watched":[{span}],"later":1}}"#);
        data.insert(LOG.into(), observations);
        data.insert("later".into(), "[1]".into());
        let begun = data["finished"].replacen("{", r#"{"roll":"r1","#, 1);
        data.insert("begun".into(), begun);
        let record = Record::read(&map).unwrap();
        assert_eq!(record.begun.unwrap().roll, "r1");
        assert_eq!(record.finished.unwrap().roll, "");
        assert_eq!(record.log.unwrap().watched.len(), 1);
        assert!(record.wanted.is_some() && record.first_evidence.is_some());
    }

    fn observed(budgets: usize) -> ObservationLog {
        let budget = |number| Budget {
            namespace: format!("team-{number}"),
            name: "a-rather-long-name-of-a-budget-of-a-deployment".into(),
            allowed: 0,
            current: 3 + i32::try_from(number % 9).unwrap(),
            desired: 3,
            expected: 12,
            observed: true,
            counts_existing_pods: false,
        };
        let budgets: Vec<_> = (0..budgets).map(budget).collect();
        let mut log = ObservationLog::of("ab");
        for second in 0..5 {
            let at = Timestamp::new(1_767_225_600 + second, 250_000_000).unwrap();
            let mut seen = budgets.clone();
            for budget in &mut seen {
                budget.current += i32::try_from(second % 2).unwrap();
            }
            log.observe(&seen, at);
        }
        log
    }

    /// The most that the first release could have left, and two rolls of 3,500 budgets. Nodes do not count: what was done to them
    /// is in their annotations.
    #[test]
    fn a_record_has_room_for_everything_whatever_was_observed() {
        let map: ConfigMap = serde_json::from_str(FIRST).unwrap();
        let mut record = Record::read(&map).unwrap();
        record.log = Some(observed(3_500));
        record.finished_log = Some(observed(3_500));
        let size = |record: &Record| {
            let data = record.write().unwrap().data.unwrap();
            data.values().map(String::len).sum::<usize>()
        };
        assert!(size(&record) < 400 << 10, "{}", size(&record));
        for first in [380 << 10, 2 << 20] {
            record.first_evidence = Some("x".repeat(first));
            assert!(size(&record) < 800 << 10, "{}", size(&record));
        }
        record.first_evidence = None;
        let read = Record::read(&record.write().unwrap()).unwrap();
        let log = read.finished_log.unwrap();
        assert_eq!(log.budgets.len() + log.budgets_left_out, 3_500);
        assert!(log.budgets.len() > 400, "{}", log.budgets.len());
    }

    #[test]
    fn a_newer_format_and_damage_are_errors_not_an_empty_record() {
        for (key, text) in [("format", "2"), ("wanted", "{"), ("finished", "{}")] {
            let mut map: ConfigMap = serde_json::from_str(FIRST).unwrap();
            map.data.as_mut().unwrap().insert(key.into(), text.into());
            assert!(Record::read(&map).is_err(), "{key}");
        }
    }
}

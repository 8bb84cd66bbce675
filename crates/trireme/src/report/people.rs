//! The summary that ends a run, for people.

use std::fmt::Write;

use trireme_evidence::RollFile;
use trireme_evidence::words::{instants, part_of, watched};

use super::{Files, Probes, RollEnd, Summary};

/// What is known of a roll that stopped on the way.
pub(super) const UNFINISHED: &str = "not finished: which nodes it has done is kept on the cluster and not listed here; the same run again goes on from there";

/// The summary as text.
pub(super) fn text(summary: &Summary, files: &Files) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, summary, files);
    out
}

fn write(out: &mut String, summary: &Summary, files: &Files) -> std::fmt::Result {
    writeln!(out)?;
    if let Some(to) = &summary.release.to {
        let from = summary.release.from.as_ref();
        let from = match (from, summary.roll) {
            (Some(from), _) => format!("from {from}"),
            (None, RollEnd::Unfinished) => "the roll did not finish".to_owned(),
            (None, _) => "no node rolled".to_owned(),
        };
        writeln!(out, "release    {to} ({from})")?;
    }
    for image in &summary.images {
        let verdict = image.verdict.as_deref().unwrap_or("not judged");
        let findings = match image.findings {
            None => String::new(),
            Some(1) => " (1 finding)".to_owned(),
            Some(count) => format!(" ({count} findings)"),
        };
        let signed = if image.signed { "signed" } else { "not signed" };
        writeln!(
            out,
            "image      {}\n           {}  {verdict}{findings}, {signed}",
            image.reference, image.digest
        )?;
    }
    for node in &summary.nodes {
        let seconds = match node.seconds {
            Some(seconds) => format!("{seconds:>6.1} s"),
            None => "two clocks".to_owned(),
        };
        writeln!(
            out,
            "node       {:<12} {:<8} {} -> {}  {seconds}",
            node.name, node.zone, node.from, node.to
        )?;
    }
    if summary.roll == RollEnd::Unfinished {
        writeln!(out, "roll       {UNFINISHED}")?;
    }
    for trouble in &summary.troubles {
        writeln!(out, "stopped    {}", trouble.text())?;
    }
    if let Some(evidence) = &summary.evidence {
        writeln!(out, "watch      {}", watched(evidence))?;
    }
    writeln!(out, "available  {}", availability(summary))?;
    if let Some(probes) = &summary.prober {
        let measured = measured(probes, summary.evidence.as_ref());
        writeln!(out, "           {measured}")?;
    }
    writeln!(out, "report     {}", files.page.display())?;
    writeln!(out, "summary    {}", files.summary.display())
}

/// The availability and what it follows from, in one line.
pub(super) fn availability(summary: &Summary) -> String {
    let (share, counts) = (share(summary), counts(summary));
    let share = match share {
        Some(share) => format!("{share} {}", when(summary)),
        None => "not measured".to_owned(),
    };
    match counts.is_empty() {
        true => share,
        false => format!("{share} ({counts})"),
    }
}

/// How much was answered, rounded down: 99.999 % must never read 100 %. Of what nobody measured there is no share.
pub(super) fn share(summary: &Summary) -> Option<String> {
    let counts = summary.prober.as_ref()?.decisive();
    if counts.sent == 0 {
        return None;
    }
    let answered = (counts.sent - counts.failed) as f64;
    let share = (answered / counts.sent as f64 * 10_000.0).floor() / 100.0;
    Some(format!("{share:.2} %"))
}

/// When the share was measured: a part of a roll must not be taken for all of it.
pub(super) fn when(summary: &Summary) -> &'static str {
    match summary.unmeasured() {
        None => "during the run",
        Some([]) => "while the cluster rolled",
        Some(_) => "while the cluster rolled, as far as it was measured",
    }
}

/// What was counted on the way.
pub(super) fn counts(summary: &Summary) -> String {
    let mut counts = Vec::new();
    if let Some(probes) = &summary.prober {
        let during = probes.decisive();
        counts.push(connections(during.sent, during.failed));
        if probes.during_roll.is_some() {
            let whole = connections(probes.sent, probes.failed);
            counts.push(format!("in the whole run {whole}"));
        }
    }
    if let Some(violations) = summary.budget_violations {
        counts.push(format!("{violations} budget violations"));
    }
    counts.join(", ")
}

fn connections(sent: u64, failed: u64) -> String {
    match sent {
        0 => "no connection was tried".to_owned(),
        sent => format!("{failed} of {sent} connections failed"),
    }
}

/// When it was measured, and which part of the roll was not.
pub(super) fn measured(probes: &Probes, roll: Option<&RollFile>) -> String {
    let Some(measured) = &probes.measured else {
        return "nothing was measured".to_owned();
    };
    let when = format!("measured from {} (UTC)", instants(measured));
    let (Some(roll), Some(holes)) = (roll, &probes.unmeasured) else {
        return when;
    };
    if holes.is_empty() {
        return format!("{when}, which is during all of the roll");
    }
    format!("{when}; nobody measured {}", part_of(holes, roll))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use trireme_runner::Status;
    use trireme_sandbox::witnesses::prober::{Bucket, Measured};

    use super::super::images::Image;
    use super::super::summary::{Node, Release};
    use super::super::troubles::Trouble;
    use super::*;

    fn evidence(unwatched: serde_json::Value) -> RollFile {
        let value = json!({
            "format": 1, "blueprint": "b", "from": "v1.36.4", "to": "v1.37.2", "nodes": [], "budgets": [],
            "started_at": "2026-01-01T10:00:00Z", "finished_at": "2026-01-01T10:01:40Z", "unwatched": unwatched,
        });
        RollFile::from_json(value.to_string().as_bytes()).unwrap()
    }

    /// Fifty connections in every quarter of a second from then on, of which one fails in the last.
    fn probed(from: &str, seconds: i64) -> Measured {
        let start: jiff::Timestamp = from.parse().unwrap();
        let bucket = |number| Bucket {
            at_ms: start.as_millisecond() + number * 250,
            sent: 50,
            failed: u64::from(number == seconds * 4 - 1),
        };
        let buckets: Vec<_> = (0..seconds * 4).map(bucket).collect();
        Measured {
            sent: buckets.iter().map(|bucket| bucket.sent).sum(),
            failed: 1,
            buckets,
        }
    }

    fn summary(evidence: Option<RollFile>, measured: Option<&Measured>) -> Summary {
        Summary {
            format: 1,
            release: Release::default(),
            images: Vec::new(),
            roll: match evidence {
                Some(_) => RollEnd::Finished,
                None => RollEnd::None,
            },
            nodes: Vec::new(),
            prober: measured.map(|measured| Probes::of(measured, evidence.as_ref())),
            budget_violations: measured.map(|_| 0),
            unwatched: None,
            troubles: Vec::new(),
            evidence,
        }
    }

    #[test]
    fn a_roll_that_stopped_is_never_told_as_no_roll() {
        let mut summary = summary(None, None);
        summary.release.to = Some("v1.37.2".to_owned());
        assert!(printed(&summary).contains("v1.37.2 (no node rolled)\n"));
        summary.roll = RollEnd::Unfinished;
        summary.troubles = vec![Trouble {
            job: "roll".to_owned(),
            step: Some("put platform".to_owned()),
            status: Status::Aborted,
            reason: Some("interrupted; left cordoned: w-a2".to_owned()),
        }];
        let text = printed(&summary);
        for line in [
            "release    v1.37.2 (the roll did not finish)\n",
            "roll       not finished: which nodes it has done is kept on the cluster",
            "stopped    roll put platform: was aborted: interrupted; left cordoned: w-a2\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("no node"), "{text}");
    }

    fn printed(summary: &Summary) -> String {
        text(summary, &Files::of(Path::new("state")))
    }

    #[test]
    fn a_roll_is_told_whole() {
        let measured = probed("2026-01-01T09:59:00Z", 200);
        let mut summary = summary(Some(evidence(json!([]))), Some(&measured));
        summary.release = Release {
            from: Some("v1.36.4".to_owned()),
            to: Some("v1.37.2".to_owned()),
        };
        let image = |name: &str, verdict: Option<&str>, findings, signed| Image {
            reference: format!("r/{name}:v1"),
            digest: "sha256:0f".to_owned(),
            verdict: verdict.map(str::to_owned),
            findings,
            signed,
        };
        summary.images = vec![
            image("proxy", Some("permit"), Some(0), true),
            image("shop", Some("deny"), Some(1), false),
            image("other", None, None, false),
        ];
        summary.nodes = vec![Node {
            name: "w-a1".to_owned(),
            zone: "az-a".to_owned(),
            from: "v1.36.4".to_owned(),
            to: "v1.37.2".to_owned(),
            seconds: Some(1.5),
        }];
        let expected = "
release    v1.37.2 (from v1.36.4)
image      r/proxy:v1
           sha256:0f  permit (0 findings), signed
image      r/shop:v1
           sha256:0f  deny (1 finding), not signed
image      r/other:v1
           sha256:0f  not judged, not signed
node       w-a1         az-a     v1.36.4 -> v1.37.2     1.5 s
watch      the roll watched the budgets all the time
available  100.00 % while the cluster rolled (0 of 20050 connections failed, in the whole run 1 of 40000 connections failed, 0 budget violations)
           measured from 2026-01-01 09:59:00 to 10:02:20 (UTC), which is during all of the roll
report     state/report.html
summary    state/summary.json
";
        assert_eq!(printed(&summary), expected);
    }

    #[test]
    fn a_roll_that_was_resumed_tells_since_when_it_was_measured() {
        let measured = probed("2026-01-01T10:00:40Z", 200);
        let summary = summary(Some(evidence(json!(null))), Some(&measured));
        let text = printed(&summary);
        let line = "measured from 2026-01-01 10:00:40 to 10:04:00 (UTC); nobody measured 40.0 s of 100.0 s: \
                    2026-01-01 10:00:00 to 10:00:40 (UTC)\n";
        assert!(text.contains(line), "{text}");
        let line = "available  100.00 % while the cluster rolled, as far as it was measured (0 of 12050 connections";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_roll_that_nobody_measured_was_not_available() {
        let late = probed("2026-01-01T11:00:00Z", 10);
        for (measured, line) in [
            (None, "available  not measured\n"),
            (
                Some(&late),
                "available  not measured (no connection was tried, in the whole run 1 of 2000 connections failed, 0 budget violations)\n",
            ),
        ] {
            let text = printed(&summary(Some(evidence(json!(null))), measured));
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn without_a_roll_the_share_is_that_of_the_run_and_never_rounded_up() {
        let measured = probed("2026-01-01T11:00:00Z", 1000);
        let text = printed(&summary(None, Some(&measured)));
        let line = "available  99.99 % during the run (1 of 200000 connections failed, 0 budget violations)\n";
        assert!(text.contains(line), "{text}");
    }
}

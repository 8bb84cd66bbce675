//! Live progress for people: events of `tracing` ([`trireme_protocol::lines`]), shown as one line each.
//!
//! What happens inside of a job or a step happens inside of its span, and is about it. The report of a run is no part of this: it is
//! the typed result of [`crate::Runner::run`].

use crate::problem::Problem;
use crate::report::{BuildReport, Idle, Status, StepKind, StepReport};
use owo_colors::OwoColorize;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;
use tracing::{Span, error, info, info_span, warn};
use trireme_protocol::lines::{Line, LineLayer};

/// The target of a line that a program of a step wrote.
const PROGRAM: &str = "trireme_runner::program";

/// Shows the progress of this program on standard error.
pub fn show_progress(colour: bool) {
    LineLayer::to_stderr(colour).format(progress_line).install();
}

/// The text of a line. A line that a program wrote stands behind ` | `: its colours stay when ours are on, and control
/// characters that move the cursor never do.
pub fn progress_line(line: &Line, colour: bool) -> String {
    if line.target != PROGRAM {
        return line.shown(colour);
    }
    let prefix = format!("{} | ", line.object);
    let text = clean(&line.message, colour);
    match colour {
        true => format!("{}{text}\x1b[0m\n", prefix.dimmed()),
        false => format!("{prefix}{text}\n"),
    }
}

/// The span of a step. For a check outside of a build, the job is the one that needs it.
pub(crate) fn step(job: &str, kind: StepKind, name: &str) -> Span {
    info_span!("step", object = %format_args!("{job} {kind} {name}"))
}

/// A program of the step wrote a line.
pub(crate) fn program_line(text: &str) {
    info!(target: PROGRAM, "{text}");
}

/// What of a pipeline cannot be done here, before anything is done.
pub(crate) fn notes(file: &Path, notes: &[Problem]) {
    for Problem { at, message } in notes {
        info!(object = %format_args!("{}:{at}", file.display()), "{message}");
    }
}

/// The step starts.
pub(crate) fn step_started() {
    info!("starts");
}

/// The step ended.
pub(crate) fn step_ended(report: &StepReport) {
    let (status, took) = (report.status, seconds(report.took));
    let reason = report.reason.as_deref();
    let reason = reason.map(|reason| format!(": {reason}"));
    let reason = reason.unwrap_or_default();
    ended(status, format_args!("{status} in {took}{reason}"));
}

/// The span of a job.
pub(crate) fn job(name: &str) -> Span {
    info_span!("job", object = %format_args!("job {name}"))
}

/// A build of the job starts.
pub(crate) fn build_started(number: u64) {
    info!("build {number} starts");
}

/// A build of the job ended.
pub(crate) fn build_ended(report: &BuildReport) {
    let (number, status, took) = (report.number, report.status, seconds(report.took));
    ended(status, format_args!("build {number} {status} in {took}"));
}

/// The job has nothing to do.
pub(crate) fn job_idle(idle: &Idle) {
    info!("{}", why(idle));
}

fn ended(status: Status, message: impl Display) {
    match status {
        Status::Succeeded => info!(done = true, "{message}"),
        Status::Failed | Status::Denied => error!("{message}"),
        Status::Errored | Status::Aborted => warn!("{message}"),
    }
}

fn why(idle: &Idle) -> String {
    match idle {
        Idle::UpToDate => {
            "nothing to do, its inputs are those of its last successful build".to_owned()
        }
        Idle::NotTriggered => {
            "not started, none of its gets has `trigger: true`; start it with --job".to_owned()
        }
        Idle::Waiting { input, reason } => format!("waits for {input}: {reason}"),
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// Keeps text and, if wished, colour sequences (`ESC [ … m`).
pub(crate) fn clean(text: &str, colour: bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            let sequence = escape_sequence(&mut rest);
            if colour && sequence.ends_with('m') {
                kept.push(c);
                kept.push_str(&sequence);
            }
        } else if !c.is_control() || c == '\t' {
            kept.push(c);
        }
    }
    kept
}

/// What follows `ESC`: `[`, parameters, one letter.
fn escape_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut sequence = String::new();
    if rest.peek() == Some(&'[') {
        sequence.extend(rest.next());
        for c in rest.by_ref() {
            sequence.push(c);
            if !c.is_ascii_digit() && c != ';' {
                break;
            }
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;
    use trireme_protocol::lines::capture_as;

    #[test]
    fn cursor_movements_go_and_colours_stay_where_wished() {
        let text = "\u{1b}[2K\u{1b}[1A\u{1b}[32mok\u{1b}[0m\u{7} done\u{1b}";
        assert_eq!(clean(text, false), "ok done");
        assert_eq!(clean(text, true), "\u{1b}[32mok\u{1b}[0m done");
    }

    #[test]
    fn a_line_says_which_step_wrote_it() {
        let lines = capture_as(progress_line, false);
        step("mirror", StepKind::Put, "image").in_scope(|| {
            step_started();
            program_line("layer 1 of 3");
        });
        assert_eq!(
            lines.text(),
            "mirror put image: starts\nmirror put image | layer 1 of 3\n"
        );
    }
}

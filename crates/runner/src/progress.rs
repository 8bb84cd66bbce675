//! Live progress for people: one line per event, a prefix per step, a colour per end.

use crate::event::{Event, Observer, StepId};
use crate::report::{Idle, Status};
use owo_colors::{OwoColorize, Style};
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

/// Writes progress to a stream, line by line.
pub struct Progress<W> {
    out: Mutex<W>,
    colour: bool,
}

impl<W: Write + Send> Progress<W> {
    /// Writes to `out`, with ANSI colours or without.
    pub fn new(out: W, colour: bool) -> Self {
        Self {
            out: Mutex::new(out),
            colour,
        }
    }

    /// A stream that is gone (a closed pipe) is no reason to stop a roll.
    fn line(&self, style: Style, text: &str) {
        let Ok(mut out) = self.out.lock() else { return };
        let _ = if self.colour {
            writeln!(out, "{}", text.style(style))
        } else {
            writeln!(out, "{text}")
        };
        let _ = out.flush();
    }

    /// A line of a program: its colours stay when ours are on, and control characters that move the cursor never do.
    fn program_line(&self, step: StepId<'_>, text: &str) {
        let prefix = format!("{} | ", label(step));
        let text = clean(text, self.colour);
        let Ok(mut out) = self.out.lock() else { return };
        let _ = if self.colour {
            writeln!(out, "{}{text}\x1b[0m", prefix.style(Style::new().dimmed()))
        } else {
            writeln!(out, "{prefix}{text}")
        };
    }
}

impl<W: Write + Send> Observer for Progress<W> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::BuildStarted { job, number } => {
                self.line(
                    Style::new().bold(),
                    &format!("job {job}: build {number} starts"),
                );
            }
            Event::StepStarted { step } => {
                self.line(Style::new().dimmed(), &format!("{}: starts", label(*step)))
            }
            Event::Line { step, text } => self.program_line(*step, text),
            Event::StepEnded { step, report } => {
                let reason = report
                    .reason
                    .as_deref()
                    .map(|reason| format!(": {reason}"))
                    .unwrap_or_default();
                let text = format!(
                    "{}: {} in {}{reason}",
                    label(*step),
                    report.status,
                    seconds(report.took)
                );
                self.line(style(report.status), &text);
            }
            Event::BuildEnded { report } => {
                let (job, number, end) = (&report.job, report.number, report.status);
                let text = format!(
                    "job {job}: build {number} {end} in {}",
                    seconds(report.took)
                );
                self.line(style(report.status).bold(), &text);
            }
            Event::JobIdle { job, idle } => {
                self.line(Style::new().dimmed(), &format!("job {job}: {}", why(idle)))
            }
        }
    }
}

fn label(step: StepId<'_>) -> String {
    format!("{} {} {}", step.job, step.kind, step.name)
}

fn style(status: Status) -> Style {
    match status {
        Status::Succeeded => Style::new().green(),
        Status::Failed | Status::Denied => Style::new().red(),
        Status::Errored => Style::new().yellow(),
        Status::Aborted => Style::new().magenta(),
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
    use crate::report::StepKind;

    #[test]
    fn cursor_movements_go_and_colours_stay_where_wished() {
        let text = "\u{1b}[2K\u{1b}[1A\u{1b}[32mok\u{1b}[0m\u{7} done\u{1b}";
        assert_eq!(clean(text, false), "ok done");
        assert_eq!(clean(text, true), "\u{1b}[32mok\u{1b}[0m done");
    }

    #[test]
    fn a_line_says_which_step_wrote_it() {
        let step = StepId {
            job: "mirror",
            kind: StepKind::Put,
            name: "image",
        };
        let progress = Progress::new(Vec::new(), false);
        progress.event(&Event::StepStarted { step });
        progress.event(&Event::Line {
            step,
            text: "layer 1 of 3",
        });
        let text = String::from_utf8(progress.out.into_inner().unwrap()).unwrap();
        assert_eq!(
            text,
            "mirror put image: starts\nmirror put image | layer 1 of 3\n"
        );
    }
}

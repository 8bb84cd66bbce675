//! The plan for people, as text.

use std::fmt::Write;

use crate::blocker::Blocker;
use crate::plan::{Blueprint, StepState, Wave};

/// The plan as lines for people: from where to where, what the preflight found, and the waves.
pub fn describe(blueprint: &Blueprint, blockers: &[Blocker]) -> String {
    let mut text = format!(
        "Blueprint {}\nKubernetes {} to {}\n",
        blueprint.id, blueprint.from, blueprint.wanted.version
    );
    for (name, reference) in &blueprint.wanted.images {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Image {name}: {reference}");
    }
    for blocker in blockers {
        let _ = writeln!(text, "Preflight: {blocker}");
    }
    for wave in &blueprint.waves {
        let _ = write!(text, "\n{}", describe_wave(wave));
    }
    text
}

fn describe_wave(wave: &Wave) -> String {
    let mut text = format!("Wave {}, {} at once\n", wave.name, wave.at_once);
    for step in &wave.steps {
        let state = match &step.state {
            StepState::True => "done".into(),
            StepState::Ready => format!("{} to {}", step.from, step.to),
            StepState::Begun => format!("{} to {}, begun", step.from, step.to),
            StepState::Waiting(what) => format!("{} to {}, after {what}", step.from, step.to),
            StepState::Violated(found) => format!("not possible: {found}"),
        };
        let _ = writeln!(text, "  node {} ({}): {state}", step.node, step.zone);
    }
    text
}

//! The plan for people, as text.

use std::fmt::Write;

use crate::plan::{Blueprint, StepState, Wave};
use crate::snapshot::Preflight;

/// The plan as lines for people: from where to where, what the preflight found, and the waves.
pub fn describe(blueprint: &Blueprint, preflight: &Preflight) -> String {
    let mut text = format!(
        "Blueprint {}\nKubernetes {} to {}\n",
        blueprint.id, blueprint.from, blueprint.wanted.version
    );
    for (name, reference) in &blueprint.wanted.images {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Image {name}: {reference}");
    }
    for failure in &preflight.failures {
        let _ = writeln!(text, "Preflight failure: {failure}");
    }
    for notice in &preflight.notices {
        let _ = writeln!(text, "Not healthy before the roll: {notice}");
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

/// The plan in a few lines, for a log: one line a wave, with the nodes that are not done.
pub fn summarise(blueprint: &Blueprint) -> Vec<String> {
    let due = |wave: &Wave| {
        let due = wave.steps.iter();
        let due = due.filter(|step| step.state != StepState::True);
        let names: Vec<_> = due.map(|step| step.node.clone()).collect();
        let (count, at_once) = (names.len(), wave.at_once);
        let nodes = if count == 1 { "node" } else { "nodes" };
        let names = crate::kubernetes::some_of(&names);
        (count > 0).then(|| format!("{}: {count} {nodes}, {at_once} at once: {names}", wave.name))
    };
    blueprint.waves.iter().filter_map(due).collect()
}

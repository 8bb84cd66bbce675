//! What somebody saw who watched nodes and budgets from before the roll until after it.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use trireme_sandbox::witnesses::observer::{BudgetSample, NodeSample, Observed};

use super::{Verdict, kept, seen};

/// What there has to be, and what it went through.
pub struct Roll<'a> {
    pub nodes: usize,
    pub budgets: usize,
    /// The version before and after it.
    pub from: &'a str,
    pub to: &'a str,
}

/// All nodes are on the new version and take pods, each was cordoned once, and no budget was ever below what it demands.
pub fn judge(observed: &Observed, roll: &Roll<'_>) -> Verdict {
    seen(observed.gaps.is_empty(), || {
        format!("gaps: {:?}", observed.gaps)
    })?;
    seen(observed.deleted.is_empty(), || {
        format!("deleted while they were watched: {:?}", observed.deleted)
    })?;
    let counts = (observed.nodes.len(), observed.budgets.len());
    seen(counts == (roll.nodes, roll.budgets), || {
        format!("{counts:?} nodes and budgets")
    })?;
    for (name, samples) in &observed.nodes {
        node(name, samples, roll)?;
    }
    let begun = first_cordon(observed);
    for (name, samples) in &observed.budgets {
        budget(name, samples, begun)?;
    }
    kept(observed.budget_violations == 0, || {
        format!("{} violations", observed.budget_violations)
    })
}

fn node(name: &str, samples: &[NodeSample], roll: &Roll<'_>) -> Verdict {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return seen(false, || format!("{name} has no sample"));
    };
    seen(first.version == roll.from && first.schedulable, || {
        format!("{name} was first seen so: {first:?}")
    })?;
    let rolled = last.version == roll.to && last.ready && last.schedulable;
    kept(rolled, || format!("{name} was last seen so: {last:?}"))?;
    let cordons = samples
        .windows(2)
        .filter(|pair| pair[0].schedulable && !pair[1].schedulable);
    let cordons = cordons.count();
    kept(cordons == 1, || {
        format!("{name} was cordoned {cordons} times: {samples:?}")
    })
}

/// When the roll began.
fn first_cordon(observed: &Observed) -> Option<Timestamp> {
    let samples = observed.nodes.values().flatten();
    samples
        .filter(|sample| !sample.schedulable)
        .map(|sample| sample.at)
        .min()
}

/// A budget that never moved was not watched: pods of every workload had to leave.
fn budget(name: &str, samples: &[BudgetSample], begun: Option<Timestamp>) -> Verdict {
    let before = samples.first().is_some_and(|first| Some(first.at) < begun);
    seen(before && samples.len() > 2, || {
        format!("{name}, the roll having begun at {begun:?}: {samples:?}")
    })?;
    let below = samples
        .iter()
        .find(|sample| sample.current < sample.desired);
    kept(below.is_none(), || format!("{name}: {below:?}"))
}

/// From the first cordon to the last uncordon.
pub fn span(observed: &Observed) -> Option<RangeInclusive<Timestamp>> {
    let lasts = observed.nodes.values().filter_map(|samples| {
        let uncordons = samples.windows(2).rev().find(|pair| !pair[0].schedulable);
        uncordons.map(|pair| pair[1].at)
    });
    Some(first_cordon(observed)?..=lasts.max()?)
}

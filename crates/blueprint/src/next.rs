//! Which actions are due now, on any platform: order, groups, limits, soak, window and gates.

use crate::decision::{Decision, NextActions, Stop, StopReason, Wait, WaitReason};
use crate::goal::{Goal, Window};
use crate::policy::Policy;
use crate::snapshot::{Gate, GateAnswer, Snapshot};
use crate::timers::{Stage, Timers};
use crate::unit::{Driver, Role, Status, Unit};

/// The actions that are due, from what was observed alone.
///
/// Units that were begun are finished before another is begun. Another is begun only beside those: in the same group, and
/// within its limit. With `may_begin: false` none is begun, because the preflight has not been made.
pub fn next_actions<S: Snapshot>(
    snapshot: &S,
    goal: &Goal,
    timers: &Timers,
    may_begin: bool,
) -> NextActions<S::Action> {
    let units = snapshot.units(goal);
    let mut decisions = Vec::new();
    for unit in units.iter().filter(|unit| unit.is_begun()) {
        decisions.extend(snapshot.decide(goal, timers, &unit.name));
        if unit.driver == Driver::Platform {
            decisions.extend(supervise(snapshot, goal, timers, unit));
        }
    }
    match next_unit(&units, goal) {
        Some(unit) if may_begin => decisions.push(begin(snapshot, goal, timers, &units, unit)),
        None if units.iter().all(Unit::is_done) => return NextActions::UpToDate,
        _ => {}
    }
    collect(decisions)
}

fn collect<A>(decisions: Vec<Decision<A>>) -> NextActions<A> {
    let (mut actions, mut waits) = (Vec::new(), Vec::new());
    for decision in decisions {
        match decision {
            Decision::Do(action) => actions.push(action),
            Decision::Wait(wait) => waits.push(wait),
            Decision::Stop(stop) => return NextActions::Stop(stop),
        }
    }
    NextActions::Go(actions, waits)
}

/// Halts what the platform rolls by itself while a gate is not open, and stops when it stays so.
fn supervise<S: Snapshot>(
    snapshot: &S,
    goal: &Goal,
    timers: &Timers,
    unit: &Unit,
) -> Vec<Decision<S::Action>> {
    let Some((gate, reason)) = closed_gate(snapshot) else {
        return Vec::new();
    };
    let limit = goal.policy.node_timeout;
    let attempt = unit.attempt().unwrap_or_default();
    if timers.spent(&unit.name, attempt, Stage::Halted) >= limit {
        return vec![Decision::Stop(Stop {
            object: unit.title.clone(),
            reason: StopReason::GateTimeout {
                gate,
                seconds: limit.as_secs(),
                reason,
            },
            last: None,
        })];
    }
    let wait = Wait {
        object: unit.title.clone(),
        reason: WaitReason::GateClosed { gate, reason },
    };
    let halt = snapshot.halt(goal, &unit.name).map(Decision::Do);
    halt.into_iter().chain([Decision::Wait(wait)]).collect()
}

/// The first gate that is not open, and what was answered. Unknown is not open.
fn closed_gate<S: Snapshot>(snapshot: &S) -> Option<(String, String)> {
    let closed = |gate: Gate| match gate.answer {
        GateAnswer::Yes => None,
        GateAnswer::No(reason) => Some((gate.name, reason)),
        GateAnswer::Unknown(reason) => Some((gate.name, format!("unknown: {reason}"))),
    };
    snapshot.gates().into_iter().find_map(closed)
}

/// Begins `unit`, or says what has to be true first.
fn begin<S: Snapshot>(
    snapshot: &S,
    goal: &Goal,
    timers: &Timers,
    units: &[Unit],
    unit: &Unit,
) -> Decision<S::Action> {
    let wait = |reason| {
        Decision::Wait(Wait {
            object: unit.title.clone(),
            reason,
        })
    };
    let stop = |reason| {
        Decision::Stop(Stop {
            object: unit.title.clone(),
            reason,
            last: None,
        })
    };
    // Units in hand are finished before the roll stops because of the next one.
    let in_hand = units.iter().any(Unit::is_in_hand);
    let limit = goal.policy.node_timeout;
    let (seconds, overdue) = (limit.as_secs(), timers.blocked(&unit.name) >= limit);
    if let Some(blocker) = snapshot.blockers(goal, &unit.name).into_iter().next() {
        return match (blocker.may_pass(), overdue) {
            _ if in_hand => wait(WaitReason::Blocked(blocker)),
            (false, _) => stop(StopReason::Blocked(blocker)),
            (true, true) => stop(StopReason::BeginTimeout { seconds, blocker }),
            (true, false) => wait(WaitReason::Blocked(blocker)),
        };
    }
    if let Some((gate, reason)) = closed_gate(snapshot) {
        return match overdue && !in_hand {
            true => stop(StopReason::GateTimeout {
                gate,
                seconds,
                reason,
            }),
            false => wait(WaitReason::GateClosed { gate, reason }),
        };
    }
    if let Window::ClosedUntil(opens_at) = goal.window {
        return wait(WaitReason::WindowClosed(opens_at));
    }
    if soaks(units, goal, unit) && timers.since_last_finished() < goal.policy.soak {
        return wait(WaitReason::Soaking(goal.policy.soak.as_secs()));
    }
    match snapshot.begin(goal, timers, &unit.name) {
        Some(action) => Decision::Do(action),
        None => wait(WaitReason::UnitGone),
    }
}

/// The unit that would be begun next, if it is blocked: by what it lacks, or by a gate.
pub(crate) fn blocked_unit<S: Snapshot>(
    snapshot: &S,
    goal: &Goal,
    units: &[Unit],
) -> Option<String> {
    let unit = next_unit(units, goal)?;
    let blocked =
        !snapshot.blockers(goal, &unit.name).is_empty() || closed_gate(snapshot).is_some();
    blocked.then(|| unit.name.clone())
}

/// The next unit that may be begun beside those that are begun.
pub(crate) fn next_unit<'a>(units: &'a [Unit], goal: &Goal) -> Option<&'a Unit> {
    let due = in_order(units, &goal.policy);
    let unit = due.into_iter().find(|unit| unit.status == Status::Due)?;
    // Workers that wait for the control plane do not keep it back.
    let plane = unit.role == Role::ControlPlane;
    let counts = |other: &&Unit| other.is_in_hand() || (other.is_begun() && !plane);
    let mut begun = units.iter().filter(counts);
    let count = begun.clone().count();
    let beside = begun.all(|other| other.is_beside(unit));
    (beside && count < limit(units, goal, unit)).then_some(unit)
}

/// The units in the order in which they are rolled: control plane first, then by zone, then by name.
pub(crate) fn in_order<'a>(units: &'a [Unit], policy: &Policy) -> Vec<&'a Unit> {
    let mut units: Vec<_> = units.iter().collect();
    units.sort_by_key(|unit| {
        let given = policy.zone_order.iter().position(|zone| *zone == unit.zone);
        let rank = given.unwrap_or(usize::MAX);
        (unit.role, rank, &unit.zone, &unit.name)
    });
    units
}

/// How many units of the group of `unit` may be out of service at once.
pub(crate) fn limit(units: &[Unit], goal: &Goal, unit: &Unit) -> usize {
    if unit.role == Role::ControlPlane || canaries_left(units, goal) > 0 {
        return 1;
    }
    let group = units.iter().filter(|other| other.is_beside(unit)).count();
    // One worker at least stays in service, or the work of the others has nowhere to go.
    let workers = units.iter().filter(|unit| unit.role == Role::Worker);
    let others = workers.count().saturating_sub(1).max(1);
    goal.policy.max_unavailable.of(group).min(others)
}

/// How many canaries are left: workers that this roll has to finish alone before several may go together.
pub(crate) fn canaries_left(units: &[Unit], goal: &Goal) -> usize {
    let finished = finished(units).filter(|unit| unit.role == Role::Worker);
    (goal.policy.canary as usize).saturating_sub(finished.count())
}

/// The units that this roll has finished.
pub(crate) fn finished(units: &[Unit]) -> impl Iterator<Item = &Unit> {
    let by_this_roll = Status::Done { by_this_roll: true };
    units.iter().filter(move |unit| unit.status == by_this_roll)
}

/// Whether the soak comes before `unit`: it follows the last canary and nothing else, so that there is no soak without canaries.
fn soaks(units: &[Unit], goal: &Goal, unit: &Unit) -> bool {
    let canaries = goal.policy.canary as usize;
    let finished = finished(units).filter(|unit| unit.role == Role::Worker);
    unit.role == Role::Worker && canaries > 0 && finished.count() == canaries
}

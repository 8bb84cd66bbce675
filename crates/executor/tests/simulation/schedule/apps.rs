//! The workloads of a world, and their budgets.

use fastrand::Rng;
use trireme_blueprint::Budget;

use super::seconds;
use crate::objects::{App, AppKind, SimBudget, Spec};
use crate::world::World;

pub(super) fn app(rng: &mut Rng, kind: AppKind, name: String, replicas: usize) -> App {
    App {
        kind,
        name,
        replicas,
        startup: Some(seconds(rng.u64(1..6))),
        grace: seconds(rng.u64(0..5)),
        finalizer: None,
        started: 0,
    }
}

pub(super) fn add_apps(world: &mut World, rng: &mut Rng, benign: bool) {
    for index in 0..rng.usize(1..=3) {
        let kind = match rng.u32(0..3) {
            0 => AppKind::StatefulSet,
            _ => AppKind::Deployment,
        };
        let replicas = rng.usize(2..=4);
        let mut app = app(rng, kind, format!("web-{index}"), replicas);
        if rng.u32(0..6) == 0 {
            app.finalizer = Some(("example.com/listed".into(), Some(seconds(rng.u64(1..6)))));
        }
        world.apps.push(app);
        if rng.u32(0..4) > 0 {
            add_budget(world, rng, index, replicas, benign);
        }
    }
    if rng.u32(0..4) == 0 {
        let budget = match rng.bool() {
            true => Spec::MinAvailable(1),
            false => Spec::MaxUnavailable(0),
        };
        push_budget(world, "empty", budget, None);
    }
    let mut daemon = app(rng, AppKind::DaemonSet, "log".into(), 0);
    if rng.u32(0..4) == 0 {
        daemon.startup = None;
    }
    world.apps.push(daemon);
    if rng.u32(0..5) == 0 {
        // It crashes, and no budget selects it.
        let mut ill = app(rng, AppKind::Deployment, "crash".into(), 1);
        ill.startup = None;
        world.apps.push(ill);
    }
}

fn add_budget(world: &mut World, rng: &mut Rng, app: usize, replicas: usize, benign: bool) {
    let scale = i32::try_from(replicas).unwrap();
    let away = if benign || rng.u32(0..8) > 0 { 1 } else { 0 };
    let spec = match rng.u32(0..4) {
        0 => Spec::MinAvailable(scale - away),
        1 => Spec::MinAvailablePercent((100 * (scale - away)) / scale),
        2 => Spec::MaxUnavailable(away),
        _ => Spec::MaxUnavailablePercent(34 * away),
    };
    push_budget(world, &format!("web-{app}"), spec, Some(app));
    if !benign && rng.u32(0..10) == 0 {
        push_budget(world, "all", Spec::MaxUnavailable(1), Some(app));
    }
}

fn push_budget(world: &mut World, name: &str, spec: Spec, app: Option<usize>) {
    let budget = Budget {
        namespace: "shop".into(),
        name: name.into(),
        allowed: 0,
        current: 0,
        desired: 0,
        expected: 0,
        observed: true,
        counts_existing_pods: matches!(spec, Spec::MinAvailable(_)),
    };
    world.budgets.push(SimBudget {
        budget,
        spec,
        app,
        disrupted: 0,
    });
}

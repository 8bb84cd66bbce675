//! Rollers at work on a world: the real executor, killed and started again.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trireme_blueprint::{CurrentRoll, Goal, Identity, Inventory, Wanted, Window};
use trireme_executor::{Cause, Roll, RollError, TakenOut, roll};

use crate::course::STEP;
use crate::memory::Memory;
use crate::schedule::{Fate, Run, Schedule, of_seed};
use crate::world::{Violation, World};

/// Nothing that is simulated takes longer.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);
/// Nothing that is simulated needs more turns of the executor.
const POLLS_MAX: u32 = 50_000;
/// So often a roll that can end well is started again after a Job that failed.
const AGAIN: usize = 6;

type Shared = Arc<Mutex<World>>;
type Ended = Option<Result<Inventory, RollError>>;

/// A future that ends when the world has found something, or after so many polls.
struct Mortal<'a, F> {
    inner: Pin<Box<F>>,
    polls: u32,
    world: &'a Shared,
}

impl<F: Future> Future for Mortal<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 || self.world.lock().unwrap().violation.is_some() {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.inner.as_mut().poll(context).map(Some)
    }
}

/// What a schedule came to.
pub struct Outcome {
    pub violation: Option<Violation>,
    pub log: Vec<String>,
    pub nodes: usize,
    pub jobs: usize,
}

/// Runs the schedule of `seed`.
pub fn simulate(seed: u64, log: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut world, schedule) = of_seed(seed);
        world.log = log.then(Vec::new);
        world.step();
        let world = Arc::new(Mutex::new(world));
        play(&world, &schedule).await;
        let mut world = world.lock().unwrap();
        Outcome {
            violation: world.violation.take(),
            log: world.log.take().unwrap_or_default(),
            nodes: world.nodes.len(),
            jobs: world.counts.jobs_of_node.values().sum(),
        }
    })
}

async fn play(world: &Shared, schedule: &Schedule) {
    let steps = async {
        loop {
            sleep(STEP).await;
            world.lock().unwrap().step();
        }
    };
    let rollers = async {
        tokio::join!(first(world, schedule), rival(world, schedule));
        finish(world, schedule).await;
    };
    let rollers = Mortal {
        inner: Box::pin(rollers),
        polls: POLLS_MAX,
        world,
    };
    tokio::select! {
        biased;
        ended = rollers => if ended.is_none() {
            world.lock().unwrap().violate("a roll ends", "it is busy without end");
        },
        () = steps => {}
        () = sleep(LONGEST) => world.lock().unwrap().violate("a roll ends", "it does not"),
    }
}

async fn first(world: &Shared, schedule: &Schedule) {
    for (number, run) in schedule.runs.iter().enumerate() {
        run_once(world, schedule, run, number as u64).await;
    }
}

async fn rival(world: &Shared, schedule: &Schedule) {
    if let Some((after, run)) = &schedule.rival {
        sleep(*after).await;
        run_once(world, schedule, run, 100).await;
    }
}

/// A roll that can end well is run until it does.
async fn finish(world: &Shared, schedule: &Schedule) {
    if !schedule.benign {
        return;
    }
    let run = Run {
        fate: Fate::Lives,
        wanted: schedule.last.clone(),
        skew: 0,
    };
    for number in 0..AGAIN {
        if let Some(Ok(_)) = run_once(world, schedule, &run, 200 + number as u64).await {
            check_end(&mut world.lock().unwrap(), schedule);
            return;
        }
    }
    let mut world = world.lock().unwrap();
    world.violate(
        "a roll that can end well does",
        "it was run again and again",
    );
}

fn check_end(world: &mut World, schedule: &Schedule) {
    let nodes = world.nodes.values().map(|node| &node.node);
    let due = nodes.filter(|node| node.roll.is_some() || !schedule.last.accepts(&node.version));
    let due: Vec<_> = due.map(|node| node.name.clone()).collect();
    if !due.is_empty() {
        world.violate("a roll that is done has done everything", due.join(", "));
    }
    if schedule.plain {
        let counts = &world.counts;
        let twice = counts.jobs_of_node.iter().find(|(_, jobs)| **jobs > 1);
        if let Some((node, jobs)) = twice.map(|(node, jobs)| (node.clone(), *jobs)) {
            world.violate("one Job a node", format!("{jobs} for {node}"));
        }
        let given_back = world.counts.given_back;
        if given_back > 0 {
            world.violate("no node is drained for nothing", given_back.to_string());
        }
    }
}

/// One run, from the Lease to its end.
async fn run_once(world: &Shared, schedule: &Schedule, run: &Run, number: u64) -> Ended {
    let memory = Memory::new(world, number);
    let (fence, epoch) = memory.acquire().await;
    let (goal, began) = {
        let mut world = world.lock().unwrap();
        world.note(|| format!("roller {number}: {run:?}"));
        (goal(&world, schedule, run, epoch), world.began)
    };
    let skew = run.skew;
    let clock = move || World::time_of_day(began, skew);
    let cancellation = CancellationToken::new();
    let task = Roll {
        platform: &memory,
        clock: &clock,
        cancellation: &cancellation,
    };
    let polls = match run.fate {
        Fate::Killed(polls) => polls,
        _ => u32::MAX,
    };
    let mut ignored = |_: &Inventory, _| {};
    let work = Mortal {
        inner: Box::pin(roll(&task, goal, fence, &mut ignored)),
        polls,
        world,
    };
    let ended = tokio::select! {
        biased;
        ended = work => ended,
        () = terminate(run.fate, &cancellation) => None,
    };
    if ended.is_some() {
        memory.release();
    }
    judge(&mut world.lock().unwrap(), schedule, number, epoch, &ended);
    ended
}

async fn terminate(fate: Fate, cancellation: &CancellationToken) {
    if let Fate::Terminated(after) = fate {
        sleep(after).await;
        cancellation.cancel();
    }
    std::future::pending::<()>().await;
}

/// What this run pursues: as `put` decides it from what it sees first.
fn goal(world: &World, schedule: &Schedule, run: &Run, epoch: u64) -> Goal {
    let inventory = &world.as_of(Duration::ZERO).1;
    let wanted = Wanted {
        version: run.wanted.clone(),
        images: std::collections::BTreeMap::new(),
    };
    let current = CurrentRoll {
        roll: "roll-1",
        blueprint: "",
    };
    let identity = Identity::new(inventory, &wanted, &schedule.policy, Some(current));
    Goal {
        blueprint: identity.id(),
        roll: "roll-1".into(),
        epoch,
        wanted,
        policy: schedule.policy.clone(),
        window: Window::Open,
        before: trireme_blueprint::Before::default(),
    }
}

/// Whether the run has ended as it may, and says truly what it leaves behind.
fn judge(world: &mut World, schedule: &Schedule, number: u64, epoch: u64, ended: &Ended) {
    let text = match ended {
        None => "killed".to_owned(),
        Some(Ok(_)) => "done".to_owned(),
        Some(Err(error)) => error.to_string(),
    };
    world.note(|| format!("roller {number} ended: {text}"));
    let Some(Err(error)) = ended else {
        return;
    };
    let excused = match &*error.cause {
        Cause::Interrupted => true,
        Cause::Platform(_) => schedule.rival.is_some(),
        Cause::Stopped { reason, .. } => {
            matches!(reason, trireme_blueprint::StopReason::JobFailed { .. })
        }
        _ => false,
    };
    if schedule.benign && !excused {
        world.violate("a roll that can end well does", text);
    }
    if world.lease.epoch == epoch {
        check_taken_out(world, &error.taken_out);
    }
}

fn check_taken_out(world: &mut World, said: &TakenOut) {
    let text = said.to_string();
    if text.starts_with("It is not known") {
        return;
    }
    let certain = said.certain();
    let doubtful: Vec<_> = said.doubtful().collect();
    // What a person did to a node of ours may not have been seen yet.
    let taken_back = |name: &str| world.nodes[name].uncordoned_at.is_some();
    let nodes = world.nodes.values().map(|node| &node.node);
    let truly = nodes.filter(|node| node.is_cordoned_by_roll());
    let truly: Vec<_> = truly.map(|node| node.name.as_str()).collect();
    let missed = truly
        .iter()
        .find(|name| !certain.contains(name) && !doubtful.contains(name) && !taken_back(name));
    let wrong = certain
        .iter()
        .find(|name| !truly.contains(name) && !taken_back(name));
    if missed.or(wrong).is_some() {
        let detail = format!("said: {text} true: {}", truly.join(", "));
        world.violate("a run that ends says what it leaves cordoned", detail);
    }
}

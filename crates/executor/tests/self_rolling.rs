//! A platform that rolls by itself, as a BOSH director does: it is started, watched, halted and resumed.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use trireme_blueprint::{
    Before, Blocker, Decision, Driver, Gate, GateAnswer, Goal, Policy, Preflight, Role, Snapshot,
    Stage, Status, Stop, StopReason, Timers, Unit, Wait, WaitReason, Wanted, Window,
};
use trireme_executor::{
    Answer, Cause, ErrorKind, Fence, Mode, Platform, PlatformError, Roll, RollError, roll,
};
use trireme_release::Version;

const OLD: Version = Version::new(1, 36, 4);
const NEW: Version = Version::new(1, 37, 2);
/// How many instances a deployment has, and how long the director takes for one.
const INSTANCES: usize = 9;
const EACH: Duration = Duration::from_secs(5);

/// What a director says of one deployment.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Idle,
    Rolling(usize),
    Halted(usize),
    Failed(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Deployment {
    version: Version,
    state: State,
}

/// What was observed of a director.
#[derive(Clone, Debug)]
struct Fleet {
    deployments: BTreeMap<String, Deployment>,
    gate: GateAnswer,
}

#[derive(Clone, Debug, PartialEq)]
enum Order {
    Start(String),
    Halt(String),
    Resume(String),
}

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl Snapshot for Fleet {
    type Action = Order;

    fn preflight(&self, _: &Goal) -> Preflight {
        Preflight::default()
    }

    fn units(&self, goal: &Goal) -> Vec<Unit> {
        let unit = |(name, deployment): (&String, &Deployment)| Unit {
            name: name.clone(),
            title: format!("deployment {name}"),
            zone: name.clone(),
            role: Role::Worker,
            version: deployment.version.clone(),
            status: match deployment.state {
                State::Idle if goal.wanted.version.accepts(&deployment.version) => {
                    Status::Done { by_this_roll: true }
                }
                State::Idle => Status::Due,
                _ => Status::Begun {
                    attempt: "task-1".into(),
                },
            },
            in_service: true,
            driver: Driver::Platform,
            waits_for_control_plane: false,
        };
        self.deployments.iter().map(unit).collect()
    }

    fn blockers(&self, _: &Goal, _: &str) -> Vec<Blocker> {
        Vec::new()
    }

    fn begin(&self, _: &Goal, _: &Timers, unit: &str) -> Option<Order> {
        Some(Order::Start(unit.into()))
    }

    fn decide(&self, _: &Goal, _: &Timers, unit: &str) -> Vec<Decision<Order>> {
        let object = format!("deployment {unit}");
        match &self.deployments[unit].state {
            State::Rolling(done) => vec![Decision::Wait(Wait {
                object,
                reason: WaitReason::PlatformProgress {
                    done: *done,
                    total: INSTANCES,
                },
            })],
            State::Halted(_) if self.gate == GateAnswer::Yes => {
                vec![Decision::Do(Order::Resume(unit.into()))]
            }
            State::Failed(why) => vec![Decision::Stop(Stop {
                object,
                reason: StopReason::PlatformFailed(why.clone()),
                last: None,
            })],
            State::Halted(_) | State::Idle => Vec::new(),
        }
    }

    fn halt(&self, _: &Goal, unit: &str) -> Option<Order> {
        let rolling = matches!(self.deployments[unit].state, State::Rolling(_));
        rolling.then(|| Order::Halt(unit.into()))
    }

    fn give_back(&self, _: &str) -> Option<Order> {
        None
    }

    fn stages(&self) -> Vec<(String, String, Stage)> {
        let stage = |(name, deployment): (&String, &Deployment)| {
            let stage = match deployment.state {
                State::Idle => return None,
                State::Halted(_) => Stage::Halted,
                State::Rolling(_) | State::Failed(_) => Stage::Acting,
            };
            Some((name.clone(), "task-1".into(), stage))
        };
        self.deployments.iter().filter_map(stage).collect()
    }

    fn gates(&self) -> Vec<Gate> {
        vec![Gate {
            name: "error rate".into(),
            answer: self.gate.clone(),
        }]
    }

    fn taken_out(&self) -> Vec<String> {
        Vec::new()
    }

    fn unit_of(action: &Order) -> &str {
        match action {
            Order::Start(unit) | Order::Halt(unit) | Order::Resume(unit) => unit,
        }
    }

    fn changes_service(_: &Order) -> bool {
        false
    }

    fn shows(&self, action: &Order) -> bool {
        let state = &self.deployments[Self::unit_of(action)].state;
        match action {
            Order::Start(_) => *state != State::Idle,
            Order::Halt(_) => !matches!(state, State::Rolling(_)),
            Order::Resume(_) => !matches!(state, State::Halted(_)),
        }
    }
}

#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("never")
    }
}

impl std::error::Error for Never {}

impl PlatformError for Never {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Lasting
    }
}

/// The director: what it was told, and what a gate answers when.
struct Director {
    fleet: Mutex<Fleet>,
    orders: Mutex<Vec<Order>>,
    began: Instant,
    gate: fn(u64) -> GateAnswer,
    /// The instance that fails.
    breaks: Option<usize>,
    rolled_at: Mutex<Instant>,
}

impl Director {
    fn new(deployments: &[&str], gate: fn(u64) -> GateAnswer, breaks: Option<usize>) -> Self {
        let deployment = |name: &&str| {
            let state = State::Idle;
            (
                (*name).to_owned(),
                Deployment {
                    version: OLD,
                    state,
                },
            )
        };
        Self {
            fleet: Mutex::new(Fleet {
                deployments: deployments.iter().map(deployment).collect(),
                gate: GateAnswer::Yes,
            }),
            orders: Mutex::default(),
            began: Instant::now(),
            gate,
            breaks,
            rolled_at: Mutex::new(Instant::now()),
        }
    }

    /// What the director has done since it was looked at last.
    fn progress(&self) -> Fleet {
        let mut fleet = self.fleet.lock().unwrap();
        fleet.gate = (self.gate)(self.began.elapsed().as_secs());
        let mut since = self.rolled_at.lock().unwrap();
        for deployment in fleet.deployments.values_mut() {
            while let State::Rolling(done) = deployment.state {
                if since.elapsed() < EACH {
                    break;
                }
                *since += EACH;
                deployment.state = match done + 1 {
                    now if self.breaks == Some(now) => State::Failed("disk is full".into()),
                    INSTANCES => {
                        deployment.version = NEW;
                        State::Idle
                    }
                    now => State::Rolling(now),
                };
            }
        }
        fleet.clone()
    }
}

impl Platform for Director {
    type Snapshot = Fleet;
    type Error = Never;

    async fn observe(&self) -> Result<Fleet, Never> {
        Ok(self.progress())
    }

    async fn perform(&self, _: &Goal, order: &Order, mode: Mode) -> Result<Answer, Never> {
        if mode == Mode::DryRun {
            return Ok(Answer::Accepted);
        }
        self.progress();
        let mut fleet = self.fleet.lock().unwrap();
        let state = &mut fleet
            .deployments
            .get_mut(Fleet::unit_of(order))
            .unwrap()
            .state;
        *state = match (order, &*state) {
            (Order::Start(_), State::Idle) => State::Rolling(0),
            (Order::Halt(_), State::Rolling(done)) => State::Halted(*done),
            (Order::Resume(_), State::Halted(done)) => State::Rolling(*done),
            _ => return Ok(Answer::Outdated),
        };
        *self.rolled_at.lock().unwrap() = Instant::now();
        self.orders.lock().unwrap().push(order.clone());
        Ok(Answer::Accepted)
    }

    async fn watch(&self, longest: Duration) {
        sleep(longest).await;
    }

    async fn renew(&self) -> Result<(), Never> {
        Ok(())
    }
}

fn goal() -> Goal {
    Goal {
        blueprint: "b".into(),
        roll: "r".into(),
        epoch: 1,
        wanted: Wanted {
            version: NEW,
            images: BTreeMap::new(),
        },
        policy: Policy {
            node_timeout: Duration::from_secs(60),
            ..Policy::default()
        },
        window: Window::Open,
        before: Before::default(),
    }
}

async fn run(director: &Director, seen: &mut Vec<Fleet>) -> Result<Fleet, RollError> {
    let task = Roll {
        platform: director,
        clock: &|| Timestamp::UNIX_EPOCH,
        cancellation: &CancellationToken::new(),
    };
    let mut observed = |fleet: &Fleet, _| seen.push(fleet.clone());
    roll(&task, goal(), Fence::new(Instant::now()), &mut observed).await
}

/// Closed after 12 s, open after 30 s, unknown after 40 s, open after 50 s.
fn moody(second: u64) -> GateAnswer {
    match second {
        12..30 => GateAnswer::No("12 of 100 requests failed".into()),
        40..50 => GateAnswer::Unknown("no answer".into()),
        _ => GateAnswer::Yes,
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_started_watched_halted_while_a_gate_is_closed_or_unknown_and_resumed() {
    let director = Director::new(&["shop"], moody, None);
    let mut seen = Vec::new();
    let end = run(&director, &mut seen).await.unwrap();
    assert_eq!(end.deployments["shop"].version, NEW);
    let shop = || "shop".to_owned();
    let halts = [Order::Halt(shop()), Order::Resume(shop())];
    let orders = [vec![Order::Start(shop())], halts.to_vec(), halts.to_vec()].concat();
    assert_eq!(*director.orders.lock().unwrap(), orders);
    let states: Vec<_> = seen
        .iter()
        .map(|fleet| &fleet.deployments["shop"].state)
        .collect();
    assert!(states.contains(&&State::Rolling(3)), "3 of 9 is seen");
    assert!(states.iter().any(|state| matches!(state, State::Halted(_))));
}

#[tokio::test(start_paused = true)]
async fn deployments_go_one_after_another() {
    let director = Director::new(&["a", "b", "c"], |_| GateAnswer::Yes, None);
    let mut seen = Vec::new();
    run(&director, &mut seen).await.unwrap();
    for fleet in &seen {
        let busy = fleet
            .deployments
            .values()
            .filter(|one| one.state != State::Idle);
        assert!(busy.count() <= 1, "{fleet:?}");
    }
    assert_eq!(director.orders.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_stops_the_roll_with_its_reason() {
    let director = Director::new(&["shop"], |_| GateAnswer::Yes, Some(4));
    let error = run(&director, &mut Vec::new()).await.unwrap_err();
    let Cause::Stopped { object, reason } = *error.cause else {
        panic!("{error}");
    };
    assert_eq!(object, "deployment shop");
    assert_eq!(reason, StopReason::PlatformFailed("disk is full".into()));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_stays_closed_stops_the_roll_and_leaves_the_deployment_halted() {
    let closed = |second| match second {
        0..12 => GateAnswer::Yes,
        _ => GateAnswer::No("12 of 100 requests failed".into()),
    };
    let director = Director::new(&["shop"], closed, None);
    let error = run(&director, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(
        &*error.cause,
        Cause::Stopped {
            reason: StopReason::GateTimeout { seconds: 60, .. },
            ..
        }
    ));
    let state = director.progress().deployments["shop"].state.clone();
    assert!(matches!(state, State::Halted(_)), "{state:?}");
}

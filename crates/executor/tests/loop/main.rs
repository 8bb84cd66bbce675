//! The loop over a platform that answers late, wrongly or not at all. The clock is paused: what takes minutes here takes none.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use trireme_blueprint::{
    Before, Blocker, Decision, Driver, Goal, Policy, Preflight, Role, Snapshot, Stage, Status,
    StopReason, Timers, Unit, Wanted, Window,
};
use trireme_executor::fence::LEASE_DURATION;
use trireme_executor::{
    Answer, Cause, ErrorKind, Fence, Mode, Platform, PlatformError, Roll, RollError, roll,
};
use trireme_release::Version;

const NEW: Version = Version::new(1, 37, 2);

/// One node: not begun, begun with so many pods, or done.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Due,
    Begun(usize),
    Done,
}

#[derive(Clone, Debug)]
struct Toy {
    state: State,
    failures: Vec<Blocker>,
}

#[derive(Clone, Debug, PartialEq)]
enum Write {
    Begin,
    Evict(usize),
    Finish,
    GiveBack,
}

impl fmt::Display for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl Snapshot for Toy {
    type Action = Write;

    fn preflight(&self, _: &Goal) -> Preflight {
        Preflight {
            failures: self.failures.clone(),
            notices: Vec::new(),
        }
    }

    fn units(&self, _: &Goal) -> Vec<Unit> {
        vec![Unit {
            name: "w-1".into(),
            title: "node w-1 (az-a)".into(),
            zone: "az-a".into(),
            role: Role::Worker,
            version: NEW,
            status: match self.state {
                State::Due => Status::Due,
                State::Begun(_) => Status::Begun {
                    attempt: "a".into(),
                },
                State::Done => Status::Done { by_this_roll: true },
            },
            in_service: true,
            driver: Driver::Executor,
            waits_for_control_plane: false,
        }]
    }

    fn blockers(&self, _: &Goal, _: &str) -> Vec<Blocker> {
        Vec::new()
    }

    fn begin(&self, _: &Goal, _: &Timers, _: &str) -> Option<Write> {
        Some(Write::Begin)
    }

    fn decide(&self, _: &Goal, _: &Timers, _: &str) -> Vec<Decision<Write>> {
        match self.state {
            State::Begun(0) => vec![Decision::Do(Write::Finish)],
            State::Begun(pods) => (0..pods)
                .map(|pod| Decision::Do(Write::Evict(pod)))
                .collect(),
            State::Due | State::Done => Vec::new(),
        }
    }

    fn give_back(&self, _: &str) -> Option<Write> {
        matches!(self.state, State::Begun(_)).then_some(Write::GiveBack)
    }

    fn stages(&self) -> Vec<(String, String, Stage)> {
        Vec::new()
    }

    fn taken_out(&self) -> Vec<String> {
        let begun = matches!(self.state, State::Begun(_));
        begun.then(|| "w-1".to_owned()).into_iter().collect()
    }

    fn unit_of(_: &Write) -> &str {
        "w-1"
    }

    fn changes_service(action: &Write) -> bool {
        !matches!(action, Write::Evict(_))
    }

    fn shows(&self, action: &Write) -> bool {
        match (action, &self.state) {
            (Write::Begin, state) => *state != State::Due,
            (Write::Evict(pod), State::Begun(pods)) => pod >= pods,
            (Write::Evict(_), state) => *state != State::Due,
            (Write::Finish, state) => *state == State::Done,
            (Write::GiveBack, state) => *state == State::Due,
        }
    }
}

#[derive(Debug)]
struct Broken(ErrorKind);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "broken: {:?}", self.0)
    }
}

impl std::error::Error for Broken {}

impl PlatformError for Broken {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// How a request fares: how long its answer takes, and an error in the place of the answer.
type Fare = fn(Duration) -> (Duration, Option<ErrorKind>);

fn well(_: Duration) -> (Duration, Option<ErrorKind>) {
    (Duration::ZERO, None)
}

/// A platform that shows a write only some time after it was made.
struct Slow {
    began: Instant,
    state: Mutex<State>,
    /// What is shown, and since when it is so.
    history: Mutex<Vec<(Instant, State)>>,
    writes: Mutex<Vec<(Duration, Write)>>,
    lag: Duration,
    /// Until then the preflight fails.
    unhealthy_until: Duration,
    renewing: Fare,
    observing: Fare,
    writing: Fare,
    dry_running: Fare,
    /// Whether the unit has changed since it was observed, so that a write is not made.
    outdated: fn(Duration, &Write) -> bool,
    /// Whether a write is refused for good.
    refused: fn(&Write) -> bool,
    /// The number of the request whose answer takes 16 s, and of requests until now.
    late: Option<usize>,
    asked: AtomicUsize,
    /// When the lock was renewed last, and when a second run, which waits for it all the time, took it.
    renewed_at: Mutex<Duration>,
    taken_over_at: Mutex<Option<Duration>>,
}

impl Slow {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            state: Mutex::new(State::Due),
            history: Mutex::new(vec![(Instant::now(), State::Due)]),
            writes: Mutex::default(),
            lag: Duration::ZERO,
            unhealthy_until: Duration::ZERO,
            renewing: well,
            observing: well,
            writing: well,
            dry_running: well,
            outdated: |_, _| false,
            refused: |_| false,
            late: None,
            asked: AtomicUsize::new(0),
            renewed_at: Mutex::default(),
            taken_over_at: Mutex::default(),
        }
    }

    /// Whether the second run has the lock by now: it takes it after 10 s without renewal.
    fn is_taken_over(&self) -> bool {
        let now = self.began.elapsed();
        let mut taken = self.taken_over_at.lock().unwrap();
        let due = *self.renewed_at.lock().unwrap() + LEASE_DURATION;
        if taken.is_none() && now >= due {
            *taken = Some(due);
        }
        taken.is_some()
    }

    async fn fare(&self, fare: Fare) -> Result<(), Broken> {
        let (late, error) = fare(self.began.elapsed());
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let late = late.max(seconds(if self.late == Some(number) { 16 } else { 0 }));
        sleep(late).await;
        error.map_or(Ok(()), |kind| Err(Broken(kind)))
    }

    fn make(&self, write: &Write) {
        let mut state = self.state.lock().unwrap();
        *state = match (write, &*state) {
            (Write::Begin, _) => State::Begun(3),
            (Write::Evict(_), State::Begun(pods)) => State::Begun(pods.saturating_sub(1)),
            (Write::Finish, _) => State::Done,
            (Write::GiveBack, _) => State::Due,
            (Write::Evict(_), other) => other.clone(),
        };
        self.history
            .lock()
            .unwrap()
            .push((Instant::now(), state.clone()));
        self.writes
            .lock()
            .unwrap()
            .push((self.began.elapsed(), write.clone()));
    }

    fn written(&self) -> Vec<Write> {
        let writes = self.writes.lock().unwrap();
        writes.iter().map(|(_, write)| write.clone()).collect()
    }
}

impl Platform for Slow {
    type Snapshot = Toy;
    type Error = Broken;

    async fn observe(&self) -> Result<Toy, Broken> {
        self.fare(self.observing).await?;
        let history = self.history.lock().unwrap();
        let shown = history
            .iter()
            .rev()
            .find(|(at, _)| at.elapsed() >= self.lag);
        let failure = Blocker::PodsUnknown { node: "w-1".into() };
        let unhealthy = self.began.elapsed() < self.unhealthy_until;
        Ok(Toy {
            state: shown.unwrap_or(&history[0]).1.clone(),
            failures: unhealthy.then_some(failure).into_iter().collect(),
        })
    }

    async fn perform(&self, _: &Goal, write: &Write, mode: Mode) -> Result<Answer, Broken> {
        match mode {
            Mode::DryRun => self.fare(self.dry_running).await?,
            Mode::Commit if (self.outdated)(self.began.elapsed(), write) => {
                return Ok(Answer::Outdated);
            }
            Mode::Commit if (self.refused)(write) => {
                return Ok(Answer::Refused("no".into()));
            }
            Mode::Commit => {
                self.make(write);
                self.fare(self.writing).await?;
            }
        }
        Ok(Answer::Accepted)
    }

    async fn watch(&self, longest: Duration) {
        sleep(longest).await;
    }

    async fn renew(&self) -> Result<(), Broken> {
        if self.late.is_some() && self.is_taken_over() {
            return Err(Broken(ErrorKind::LockLost));
        }
        *self.renewed_at.lock().unwrap() = self.began.elapsed();
        self.fare(self.renewing).await
    }
}

async fn run(platform: &Slow) -> Result<Toy, RollError> {
    let goal = Goal {
        blueprint: "b".into(),
        roll: "r".into(),
        epoch: 1,
        wanted: Wanted {
            version: NEW,
            images: BTreeMap::new(),
        },
        policy: Policy {
            api_timeout: Duration::from_secs(60),
            node_timeout: Duration::from_secs(60),
            ..Policy::default()
        },
        window: Window::Open,
        before: Before::default(),
    };
    let task = Roll {
        platform,
        clock: &|| Timestamp::UNIX_EPOCH,
        cancellation: &CancellationToken::new(),
    };
    roll(&task, goal, Fence::new(Instant::now()), &mut |_, _| ()).await
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// All that a roll of this platform writes.
fn whole() -> Vec<Write> {
    let evictions = (0..3).map(Write::Evict);
    [Write::Begin]
        .into_iter()
        .chain(evictions)
        .chain([Write::Finish])
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_shown_yet_is_not_repeated() {
    let platform = Slow {
        lag: seconds(10),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    assert_eq!(platform.written(), whole());
}

#[tokio::test(start_paused = true)]
async fn a_roll_is_done_when_a_later_look_shows_its_last_write() {
    let platform = Slow {
        lag: seconds(10),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let finished_at = platform.writes.lock().unwrap().last().unwrap().0;
    assert!(platform.began.elapsed() >= finished_at + seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_reason_to_write_again() {
    let platform = Slow {
        lag: seconds(5),
        writing: |_| (seconds(1), Some(ErrorKind::MayPass)),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let begins = platform.written();
    let begins = begins.iter().filter(|write| **write == Write::Begin);
    assert_eq!(begins.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_changes_before_every_write_stops_the_roll_after_its_time() {
    let passing = Slow {
        outdated: |now, write| *write == Write::Finish && now < seconds(50),
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    assert_eq!(passing.written(), whole());
    for outdated in [
        |_, write: &Write| *write == Write::Begin,
        |_, write: &Write| *write == Write::Finish,
    ] {
        let lasting = Slow {
            outdated,
            ..Slow::new()
        };
        let error = run(&lasting).await.unwrap_err();
        let Cause::Stopped { reason, .. } = &*error.cause else {
            panic!("{error}");
        };
        assert!(
            matches!(reason, StopReason::WriteTimeout { seconds: 60, .. }),
            "{reason}"
        );
        let lasted = lasting.began.elapsed().as_secs();
        assert!((60..75).contains(&lasted), "{lasted} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_has_changed_is_looked_at_again_until_it_is_given_back() {
    let platform = Slow {
        refused: |write| matches!(write, Write::Evict(_)),
        outdated: |now, write| *write == Write::GiveBack && now < seconds(2),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Refused { .. }), "{error}");
    assert_eq!(platform.written(), [Write::Begin, Write::GiveBack]);
    assert_eq!(error.taken_out.to_string(), "No node is left cordoned.");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_accepted_and_never_shown_stops_the_roll_too() {
    let platform = Slow {
        lag: seconds(10_000),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(
        matches!(
            &*error.cause,
            Cause::Stopped {
                reason: StopReason::WriteTimeout { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_unit_is_begun_on_an_observation_that_the_dry_run_has_outlasted() {
    let platform = Slow {
        dry_running: |now| match now < seconds(60) {
            true => (seconds(40), None),
            false => (Duration::ZERO, None),
        },
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let begun_at = platform.writes.lock().unwrap()[0].0;
    assert!(begun_at >= seconds(60), "{begun_at:?}");
    assert_eq!(platform.written(), whole());
}

#[tokio::test(start_paused = true)]
async fn no_lock_is_lost_while_a_dry_run_is_answered_late() {
    let platform = Slow {
        dry_running: |now| match now < seconds(60) {
            true => (seconds(16), None),
            false => (Duration::ZERO, None),
        },
        // A second run waits for the lock.
        late: Some(usize::MAX),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    assert_eq!(platform.written(), whole());
    assert_eq!(*platform.taken_over_at.lock().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_answered_late_counts_from_when_it_was_sent() {
    let platform = Slow {
        lag: seconds(2),
        // Nothing is answered between 3 s and 15 s.
        renewing: |now| match now >= seconds(3) && now < seconds(15) {
            true => (seconds(16), None),
            false => (Duration::ZERO, None),
        },
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let writes = platform.writes.lock().unwrap();
    let within = writes
        .iter()
        .filter(|(at, _)| *at >= seconds(10) && *at < seconds(15));
    assert_eq!(within.count(), 0, "{writes:?}");
}

/// A roll whose request of this number is answered after 16 s: how many requests it made, when the second run took the lock, and
/// the writes that came after that.
async fn with_late_answer(late: usize) -> (usize, Option<Duration>, usize) {
    let platform = Slow {
        lag: seconds(3),
        late: Some(late),
        ..Slow::new()
    };
    let _ = run(&platform).await;
    platform.is_taken_over();
    let taken = *platform.taken_over_at.lock().unwrap();
    let writes = platform.writes.lock().unwrap();
    let after = writes
        .iter()
        .filter(|(at, _)| taken.is_some_and(|taken| *at >= taken));
    let asked = platform.asked.load(Ordering::Relaxed);
    (
        asked,
        taken.filter(|at| *at < platform.began.elapsed()),
        after.count(),
    )
}

#[tokio::test(start_paused = true)]
async fn whichever_answer_is_16_s_late_nothing_is_written_after_a_second_run_has_the_lock() {
    let (requests, _, _) = with_late_answer(usize::MAX).await;
    assert!(requests > 10, "{requests} requests");
    let mut taken_over = 0;
    for late in 0..requests {
        let (_, taken, after) = with_late_answer(late).await;
        assert_eq!(
            after, 0,
            "request {late}: the second run took the lock at {taken:?}"
        );
        taken_over += usize::from(taken.is_some());
    }
    assert!(taken_over > 0, "no late answer let the second run in");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_ends_the_roll_at_once_and_names_what_is_left() {
    let platform = Slow {
        lag: seconds(4),
        renewing: |_| (Duration::ZERO, Some(ErrorKind::LockLost)),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Platform(_)), "{error}");
    assert_eq!(platform.written(), [Write::Begin]);
    assert_eq!(error.taken_out.to_string(), "Left cordoned: w-1.");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_not_renewed_lets_nothing_be_written_and_stops_the_roll_in_time() {
    let platform = Slow {
        lag: seconds(4),
        renewing: |_| (seconds(100), None),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Unrenewed(60)), "{error}");
    let last = platform.writes.lock().unwrap().last().unwrap().0;
    assert!(last < seconds(10), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_away_is_waited_for_but_not_for_ever() {
    let passing = Slow {
        observing: |now| {
            (
                Duration::ZERO,
                (now < seconds(50)).then_some(ErrorKind::MayPass),
            )
        },
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    let lasting = Slow {
        observing: |_| (Duration::ZERO, Some(ErrorKind::MayPass)),
        ..Slow::new()
    };
    let error = run(&lasting).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Platform(_)));
    assert!(error.taken_out.to_string().starts_with("It is not known"));
    assert!((60..75).contains(&lasting.began.elapsed().as_secs()));
    let refused = Slow {
        observing: |_| (Duration::ZERO, Some(ErrorKind::Lasting)),
        ..Slow::new()
    };
    run(&refused).await.unwrap_err();
    assert!(refused.began.elapsed() < seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_preflight_failure_that_may_pass_is_waited_for_before_anything_is_written() {
    let passing = Slow {
        unhealthy_until: seconds(40),
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    assert!(passing.writes.lock().unwrap()[0].0 >= seconds(40));
    let lasting = Slow {
        unhealthy_until: seconds(1_000),
        ..Slow::new()
    };
    let error = run(&lasting).await.unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::Preflight(found) if found.len() == 1),
        "{error}"
    );
    assert_eq!(lasting.written(), []);
}

#[tokio::test(start_paused = true)]
async fn a_unit_with_a_write_that_is_never_shown_is_named_as_in_doubt() {
    let platform = Slow {
        lag: seconds(10_000),
        renewing: |now| {
            (
                Duration::ZERO,
                (now > seconds(8)).then_some(ErrorKind::LockLost),
            )
        },
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    let text = error.taken_out.to_string();
    assert!(
        text.contains("w-1 may still be cordoned: its last update was not confirmed."),
        "{text}"
    );
}

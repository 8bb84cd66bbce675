//! A platform that answers late, wrongly or not at all, and that counts what is written.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trireme_blueprint::{Blocker, Goal};
use trireme_executor::fence::LEASE_DURATION;
use trireme_executor::{Answer, ErrorKind, Mode, Platform, PlatformError};

use crate::seconds;
use crate::toy::{State, Toy, Write};

#[derive(Debug)]
pub struct Broken(pub ErrorKind);

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
pub type Fare = fn(Duration) -> (Duration, Option<ErrorKind>);

pub fn well(_: Duration) -> (Duration, Option<ErrorKind>) {
    (Duration::ZERO, None)
}

/// A platform that shows a write only some time after it was made.
pub struct Slow {
    pub began: Instant,
    pub state: Mutex<State>,
    /// What is shown, and since when it is so.
    pub history: Mutex<Vec<(Instant, State)>>,
    pub writes: Mutex<Vec<(Duration, Write)>>,
    pub lag: Duration,
    /// Until then the preflight fails.
    pub unhealthy_until: Duration,
    pub renewing: Fare,
    pub observing: Fare,
    pub writing: Fare,
    pub dry_running: Fare,
    /// Whether the unit has changed since it was observed, so that a write is not made.
    pub outdated: fn(Duration, &Write) -> bool,
    /// Whether a write is refused for good.
    pub refused: fn(&Write) -> bool,
    /// The number of the request whose answer takes 16 s, and of requests until now.
    pub late: Option<usize>,
    pub asked: AtomicUsize,
    /// When the lock was renewed last, and when a second run, which waits for it all the time, took it.
    pub renewed_at: Mutex<Duration>,
    pub taken_over_at: Mutex<Option<Duration>>,
}

impl Slow {
    pub fn new() -> Self {
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
    pub fn is_taken_over(&self) -> bool {
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

    pub fn written(&self) -> Vec<Write> {
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

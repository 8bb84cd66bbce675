//! The second adapter of the seam: a cluster in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use trireme_blueprint::planted::{Bug, planted};
use trireme_blueprint::{Action, Goal, Inventory};
use trireme_executor::{Answer, ErrorKind, Fence, Mode, Platform, PlatformError};

use crate::api::Request;
use crate::world::{STALE, World};

/// The Lease is taken over when it has not been renewed for so long.
const LEASE: Duration = Duration::from_secs(10);

/// What one roller knows of a cluster, and its way to write to it.
pub struct Memory {
    world: Arc<Mutex<World>>,
    run: u64,
    seen: Mutex<Seen>,
}

/// What one roller has observed.
#[derive(Default)]
struct Seen {
    first: Option<Arc<Inventory>>,
    /// What it observed last, and when that was so.
    last: Option<(Duration, Arc<Inventory>)>,
    /// When it took the Lease: what was so before may have been changed by the roller that had it.
    since: Duration,
}

/// An error of the simulated API server.
#[derive(Debug)]
pub struct SimError(ErrorKind, &'static str);

impl fmt::Display for SimError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.1)
    }
}

impl std::error::Error for SimError {}

impl PlatformError for SimError {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

impl Memory {
    pub fn new(world: &Arc<Mutex<World>>, run: u64) -> Self {
        Self {
            world: Arc::clone(world),
            run,
            seen: Mutex::default(),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Waits for the Lease, as another roller that looks at it each second, and takes it. Answers the epoch.
    pub async fn acquire(&self) -> (Fence, u64) {
        let mut known = (None, Instant::now());
        loop {
            {
                let mut world = self.world();
                let lease = &mut world.lease;
                let state = Some((lease.holder, lease.renewals));
                if known.0 != state {
                    known = (state, Instant::now());
                }
                if lease.holder.is_none() || known.1.elapsed() >= LEASE {
                    lease.holder = Some(self.run);
                    lease.renewals += 1;
                    lease.epoch += 1;
                    let epoch = lease.epoch;
                    self.seen.lock().unwrap().since = world.now();
                    world.note(|| format!("roller {} has the Lease, epoch {epoch}", self.run));
                    return (Fence::new(Instant::now()), epoch);
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Gives the Lease back at the end of a run.
    pub fn release(&self) {
        let lease = &mut self.world().lease;
        if lease.holder == Some(self.run) {
            lease.holder = None;
        }
    }

    /// A request with what goes wrong with it.
    async fn request<T>(&self, effect: impl FnOnce(&mut World) -> T) -> Result<T, SimError> {
        let fault = {
            let world = &mut *self.world();
            let now = world.now();
            world.faults.draw(&mut world.rng, now)
        };
        sleep(fault.request).await;
        if fault.error_before {
            return Err(SimError(ErrorKind::MayPass, "500 before the write"));
        }
        let answer = effect(&mut self.world());
        sleep(fault.answer).await;
        match fault.error_after {
            true => Err(SimError(ErrorKind::MayPass, "500 after the write")),
            false => Ok(answer),
        }
    }

    /// What is given out now, and since when it is so; none when that is not known.
    fn visible(&self) -> Option<(Duration, Arc<Inventory>)> {
        let world = self.world();
        let now = world.now();
        let lag = world.faults.lag(now)?;
        if lag > STALE && !planted(Bug::StaleStore) {
            return None;
        }
        let mut seen = self.seen.lock().unwrap();
        let (at, mut inventory) = world.as_of(lag);
        if world.faults.mixed && !lag.is_zero() {
            let fresh = world.as_of(Duration::ZERO).1;
            let mut mixed = (*inventory).clone();
            (mixed.nodes, mixed.server) = (fresh.nodes.clone(), fresh.server.clone());
            inventory = Arc::new(mixed);
        }
        // It was so until `lag` ago at least, and time does not go back.
        let until = now.saturating_sub(lag).max(at);
        if until < seen.since {
            return None;
        }
        if seen.last.as_ref().is_none_or(|(known, _)| *known <= until) {
            seen.last = Some((until, inventory));
        }
        seen.first = seen
            .first
            .take()
            .or(seen.last.clone().map(|(_, first)| first));
        seen.last.clone()
    }
}

impl Platform for Memory {
    type Snapshot = Inventory;
    type Error = SimError;

    async fn observe(&self) -> Result<Inventory, SimError> {
        let unknown = SimError(ErrorKind::MayPass, "what was observed is stale");
        Ok((*self.visible().ok_or(unknown)?.1).clone())
    }

    async fn perform(&self, goal: &Goal, action: &Action, mode: Mode) -> Result<Answer, SimError> {
        let (basis, first) = {
            let seen = self.seen.lock().unwrap();
            (seen.last.clone().unwrap(), seen.first.clone().unwrap())
        };
        if mode == Mode::DryRun {
            return self.request(|world| world.dry_run(action)).await;
        }
        let request = Request {
            run: self.run,
            goal,
            action,
            basis: &basis,
            first: &first,
        };
        // As the adapter of Kubernetes: what protects a write that cannot name a version of its node is a request of its own.
        let prepared = self.request(|world| world.prepare(&request)).await?;
        match prepared {
            Answer::Accepted => self.request(|world| world.commit(&request)).await,
            answer => Ok(answer),
        }
    }

    async fn watch(&self, longest: Duration) {
        let notify = Arc::clone(&self.world().notify);
        let _ = timeout(longest, notify.notified()).await;
    }

    async fn renew(&self) -> Result<(), SimError> {
        let run = self.run;
        let renewed = self.request(|world| {
            let held = world.lease.holder == Some(run);
            world.lease.renewals += u64::from(held);
            held
        });
        match renewed.await? {
            true => Ok(()),
            false => Err(SimError(
                ErrorKind::LockLost,
                "another roller has the Lease",
            )),
        }
    }
}

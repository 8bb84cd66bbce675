//! The loop: observe, decide, act, wait.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trireme_blueprint::{Goal, Moment, Snapshot, Timers};

use crate::error::chain;
use crate::fence::{Fence, Unheld};
use crate::fruitless::Fruitless;
use crate::interruption::{WORK, last_look_limit, run_until_cancelled};
use crate::pass::{After, Pass};
use crate::platform::{ErrorKind, Platform, PlatformError};
use crate::progress::Progress;
use crate::unconfirmed::Unconfirmed;
use crate::{Cause, RollError, TakenOut};

/// The longest time between two observations. Changes are heard of sooner, and the lock is renewed meanwhile.
pub(crate) const LOOK: Duration = Duration::from_secs(2);
/// The shortest time from one observation to the next.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);
/// What passes within this is not worth a line: the first lists take as long.
const QUIET: Duration = Duration::from_secs(1);
/// Between two tries of a platform that does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// What to roll, and with what.
pub struct Roll<'a, P> {
    /// The platform.
    pub platform: &'a P,
    /// The time of day, for people: nothing is decided by it.
    pub clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    /// Cancelled when the run is to end after the write that is under way.
    pub cancellation: &'a CancellationToken,
}

/// Rolls the platform to `goal`, or stops, and says why and in which state. `observed` is called with every snapshot.
///
/// # Errors
/// Every [`RollError`] names the units that are left out of service, and those that may be.
pub async fn roll<P: Platform>(
    roll: &Roll<'_, P>,
    goal: Goal,
    fence: Fence,
    observed: &mut (dyn FnMut(&P::Snapshot, Timestamp) + Send),
) -> Result<P::Snapshot, RollError> {
    let mut run = Run::new(roll, goal, fence);
    let work = Box::pin(run.run_to_end(observed));
    let ended = run_until_cancelled(roll.cancellation, WORK, work).await;
    match ended.unwrap_or(Err(Cause::Interrupted)) {
        Ok(snapshot) => Ok(snapshot),
        Err(cause) => {
            run.last_look().await;
            Err(RollError {
                cause: Box::new(cause),
                taken_out: run.taken_out,
            })
        }
    }
}

/// What one run remembers. The roll itself does not need it: a run that is killed loses it and the next goes on.
pub(crate) struct Run<'a, P: Platform> {
    pub(crate) roll: &'a Roll<'a, P>,
    pub(crate) goal: Goal,
    pub(crate) fence: Fence,
    pub(crate) timers: Timers,
    pub(crate) unconfirmed: Unconfirmed<P::Snapshot>,
    pub(crate) fruitless: Fruitless<P::Snapshot>,
    pub(crate) taken_out: TakenOut,
    pub(crate) progress: Progress,
    /// Whether the preflight has passed: only then a unit may be begun.
    pub(crate) may_begin: bool,
    /// Since when the preflight has failures.
    pub(crate) preflight_since: Option<Instant>,
    /// Since when the platform does not allow the next unit.
    pub(crate) not_allowed_since: Option<Instant>,
    /// When the next dry run may be made.
    pub(crate) next_dry_run: Option<Instant>,
    /// Whether the platform was not observed before.
    pub(crate) is_first: bool,
    began_at: Instant,
    away_since: Option<Instant>,
}

impl<'a, P: Platform> Run<'a, P> {
    fn new(roll: &'a Roll<'a, P>, goal: Goal, fence: Fence) -> Self {
        let start = Moment {
            elapsed: Duration::ZERO,
            wall: (roll.clock)(),
        };
        Self {
            roll,
            goal,
            fence,
            timers: Timers::start(start),
            unconfirmed: Unconfirmed::new(),
            fruitless: Fruitless::new(),
            taken_out: TakenOut::default(),
            progress: Progress::default(),
            may_begin: false,
            preflight_since: None,
            not_allowed_since: None,
            next_dry_run: None,
            is_first: true,
            began_at: Instant::now(),
            away_since: None,
        }
    }

    async fn run_to_end(
        &mut self,
        observed: &mut (dyn FnMut(&P::Snapshot, Timestamp) + Send),
    ) -> Result<P::Snapshot, Cause> {
        loop {
            self.interrupted()?;
            let looked_at = Instant::now();
            match Pass::new(self).run(observed).await {
                Ok(After::Done(snapshot)) => return Ok(snapshot),
                Ok(After::Wait) => {
                    self.away_since = None;
                    self.roll.platform.watch(LOOK).await;
                    tokio::time::sleep_until(looked_at + PAUSE).await;
                }
                Err(Failed::Cause(cause)) => return Err(cause),
                Err(Failed::Platform(error)) => self.be_patient(error).await?,
                Err(Failed::Unheld(Unheld::Api(error))) => self.be_patient(error).await?,
                Err(Failed::Unheld(Unheld::NoAnswer)) => self.try_to_renew_again().await?,
            }
        }
    }

    pub(crate) fn interrupted(&self) -> Result<(), Cause> {
        match self.roll.cancellation.is_cancelled() {
            true => Err(Cause::Interrupted),
            false => Ok(()),
        }
    }

    /// Now, by both clocks.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            elapsed: self.began_at.elapsed(),
            wall: (self.roll.clock)(),
        }
    }

    /// Waits a little when the error may pass and the platform has not been away for too long.
    async fn be_patient(&mut self, error: P::Error) -> Result<(), Cause> {
        let limit = self.goal.policy.api_timeout;
        let since = *self.away_since.get_or_insert_with(Instant::now);
        if error.kind() != ErrorKind::MayPass || since.elapsed() >= limit {
            return Err(Cause::Platform(Box::new(error)));
        }
        if since.elapsed() >= QUIET {
            let (error, seconds) = (chain(&error), limit.as_secs());
            let message = format!("{error}; trying again for up to {seconds} s");
            self.progress.warn("cluster", &message);
        }
        tokio::time::sleep(PAUSE).await;
        self.roll.platform.watch(RETRY).await;
        Ok(())
    }

    async fn try_to_renew_again(&mut self) -> Result<(), Cause> {
        let limit = self.goal.policy.api_timeout;
        let since = *self.away_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= limit {
            return Err(Cause::Unrenewed(limit.as_secs()));
        }
        let message = "the Lease could not be renewed in time; nothing is written until it is";
        self.progress.warn("cluster", message);
        tokio::time::sleep(RETRY).await;
        Ok(())
    }

    /// Looks at what is left out of service, until the last writes are confirmed or the time for it is over.
    async fn last_look(&mut self) {
        let limit = last_look_limit(self.roll.cancellation);
        let look = async {
            loop {
                match self.roll.platform.observe().await {
                    Ok(snapshot) => self.settle(&snapshot),
                    Err(error) => {
                        let message =
                            format!("what is left cordoned is not known: {}", chain(&error));
                        self.progress.warn("cluster", &message);
                    }
                }
                if self.unconfirmed.is_empty() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
                self.roll.platform.watch(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(limit, look).await;
    }

    /// Takes in what `snapshot` says of the units that are out of service, and of the writes before it.
    pub(crate) fn settle(&mut self, snapshot: &P::Snapshot) {
        self.taken_out.observe(snapshot.taken_out());
        let settled = self.unconfirmed.settle(snapshot);
        for action in settled.confirmed {
            self.fruitless.forget(&action);
            let unit = P::Snapshot::unit_of(&action);
            if P::Snapshot::changes_service(&action) {
                self.taken_out.settle(unit);
            }
            if let Some(reached) = P::Snapshot::reached(&action) {
                let (done, all, title) = self.count(snapshot, unit);
                self.progress
                    .done(&title, &format!("{reached} ({done} of {all})"));
            }
        }
        for action in settled.forgotten {
            self.fruitless.note(&action);
            let title = self.title(snapshot, P::Snapshot::unit_of(&action));
            let message = format!("not confirmed, looking again: {action}");
            self.progress.warn(&title, &message);
        }
    }

    fn count(&self, snapshot: &P::Snapshot, unit: &str) -> (usize, usize, String) {
        let units = snapshot.units(&self.goal);
        let done = units.iter().filter(|unit| unit.is_done()).count();
        let named = units.iter().find(|known| known.name == unit);
        let title = named.map_or_else(|| unit.to_owned(), |known| known.title.clone());
        (done, units.len(), title)
    }

    /// For people: what a unit is called.
    pub(crate) fn title(&self, snapshot: &P::Snapshot, unit: &str) -> String {
        self.count(snapshot, unit).2
    }
}

/// Why a pass ended without knowing what comes next.
pub(crate) enum Failed<E> {
    /// The roll is over.
    Cause(Cause),
    /// The platform did not answer, or refused.
    Platform(E),
    /// Nothing may be written now.
    Unheld(Unheld<E>),
}

impl<E> From<Cause> for Failed<E> {
    fn from(cause: Cause) -> Self {
        Self::Cause(cause)
    }
}

//! One observation, and the writes that follow from it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout};
use trireme_blueprint::{NextActions, Snapshot, Stop, StopReason, next_actions};

use crate::Cause;
use crate::platform::{Action, Answer, Mode, Platform};
use crate::roll::{Failed, PAUSE, Run};

/// A dry run that was answered with "not now" is repeated after this.
const DRY_RUN_PAUSE: Duration = Duration::from_secs(1);

/// A unit that is given back before the roll ends is tried to be given back for so long.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// What comes after a pass.
pub(crate) enum After<S> {
    /// Every unit runs what is wanted.
    Done(S),
    /// Wait for a change.
    Wait,
}

type Passed<P> = Result<After<<P as Platform>::Snapshot>, Failed<<P as Platform>::Error>>;

pub(crate) struct Pass<'r, 'a, P: Platform> {
    run: &'r mut Run<'a, P>,
}

impl<'r, 'a, P: Platform> Pass<'r, 'a, P> {
    pub(crate) fn new(run: &'r mut Run<'a, P>) -> Self {
        Self { run }
    }

    pub(crate) async fn run(
        mut self,
        observed: &mut (dyn FnMut(&P::Snapshot, Timestamp) + Send),
    ) -> Passed<P> {
        self.hold().await?;
        let snapshot = self
            .run
            .roll
            .platform
            .observe()
            .await
            .map_err(Failed::Platform)?;
        let now = self.run.moment();
        observed(&snapshot, now.wall);
        if std::mem::take(&mut self.run.is_first) {
            self.run.goal.before = snapshot.before(&self.run.goal);
        }
        self.run.settle(&snapshot);
        let run = &mut *self.run;
        run.timers.observe(&snapshot, &run.goal, now);
        if !self.preflight(&snapshot)? {
            return Ok(After::Wait);
        }
        let run = &*self.run;
        let may_begin = run.may_begin && run.unconfirmed.is_empty();
        match next_actions(&snapshot, &run.goal, &run.timers, may_begin) {
            NextActions::UpToDate if run.unconfirmed.is_empty() => Ok(After::Done(snapshot)),
            NextActions::UpToDate => Ok(After::Wait),
            NextActions::Stop(stop) => Err(self.stop(&snapshot, stop).await.into()),
            NextActions::Go(actions, waits) => {
                self.act(&snapshot, actions).await?;
                for wait in waits {
                    let reason = wait.reason.to_string();
                    self.run.progress.info(&wait.object, &reason);
                }
                Ok(After::Wait)
            }
        }
    }

    /// Renews the lock when it is time.
    async fn hold(&mut self) -> Result<(), Failed<P::Error>> {
        self.run.interrupted()?;
        let held = self.run.fence.hold(self.run.roll.platform).await;
        held.map_err(Failed::Unheld)
    }

    /// The preflight, once no attempt of an earlier run is under way. What may pass is waited for. Answers whether to go on.
    fn preflight(&mut self, snapshot: &P::Snapshot) -> Result<bool, Failed<P::Error>> {
        let run = &mut *self.run;
        let begun = snapshot
            .units(&run.goal)
            .iter()
            .any(trireme_blueprint::Unit::is_in_hand);
        if run.may_begin || begun || !run.unconfirmed.is_empty() {
            return Ok(true);
        }
        let found = snapshot.preflight(&run.goal);
        for notice in &found.notices {
            let message = format!("{notice} It was so before the roll and does not stop it.");
            run.progress.warn("cluster", &message);
        }
        if found.failures.is_empty() {
            run.may_begin = true;
            return Ok(true);
        }
        let since = *run.preflight_since.get_or_insert_with(Instant::now);
        let lasting = found.failures.iter().any(|failure| !failure.may_pass());
        if lasting || since.elapsed() >= run.goal.policy.node_timeout {
            return Err(Cause::Preflight(found.failures).into());
        }
        for failure in &found.failures {
            run.progress.warn("cluster", &format!("waiting: {failure}"));
        }
        Ok(false)
    }

    async fn act(
        &mut self,
        snapshot: &P::Snapshot,
        actions: Vec<Action<P>>,
    ) -> Result<(), Failed<P::Error>> {
        self.run.fruitless.due(&actions);
        // The pods of a node are evicted together: what is written in this very pass does not keep the next back.
        let mut own = BTreeSet::new();
        for action in &actions {
            let unit = P::Snapshot::unit_of(action);
            if self.run.unconfirmed.concerns(unit) && !own.contains(unit) {
                continue;
            }
            let title = self.run.title(snapshot, unit);
            if self.begins(snapshot, unit) && !self.is_allowed(&title, action).await? {
                continue;
            }
            own.insert(unit);
            let made = match self.overdue(&title, action) {
                Some(cause) => Err(cause.into()),
                None => self.write(&title, action).await,
            };
            if let Err(Failed::Cause(Cause::Refused { .. } | Cause::Stopped { .. })) = &made {
                self.give_back(snapshot, unit).await;
            }
            made?;
        }
        Ok(())
    }

    /// Whether a write to `unit` begins it.
    fn begins(&self, snapshot: &P::Snapshot, unit: &str) -> bool {
        let units = snapshot.units(&self.run.goal);
        units
            .iter()
            .any(|known| known.name == unit && !known.is_begun())
    }

    /// Asks the platform whether everything that follows from beginning a unit would be allowed. Waits, but not for ever.
    async fn is_allowed(
        &mut self,
        title: &str,
        action: &Action<P>,
    ) -> Result<bool, Failed<P::Error>> {
        if self.run.next_dry_run.is_some_and(|at| Instant::now() < at) {
            return Ok(false);
        }
        self.hold().await?;
        let (platform, goal) = (self.run.roll.platform, &self.run.goal);
        let asked = platform.perform(goal, action, Mode::DryRun);
        // An answer after that comes too late: the observation is old, and the lock may be another's.
        let Ok(answer) = timeout(self.run.fence.left(), asked).await else {
            self.hold().await?;
            return self.not_allowed(title, "the API answers the dry run late; asking again");
        };
        match answer.map_err(Failed::Platform)? {
            Answer::Accepted => {
                self.run.not_allowed_since = None;
                self.run.next_dry_run = None;
                Ok(true)
            }
            Answer::Outdated => {
                self.run.fruitless.note(action);
                match self.overdue(title, action) {
                    Some(cause) => Err(cause.into()),
                    None => Ok(false),
                }
            }
            Answer::NotNow(reason) => self.not_allowed(title, &reason),
            Answer::Refused(reason) => Err(refused(title, action, reason).into()),
        }
    }

    fn not_allowed(&mut self, title: &str, reason: &str) -> Result<bool, Failed<P::Error>> {
        self.run.next_dry_run = Some(Instant::now() + DRY_RUN_PAUSE);
        let limit = self.run.goal.policy.drain_timeout;
        let since = *self.run.not_allowed_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= limit {
            return Err(Failed::Cause(Cause::NotAllowed {
                object: title.into(),
                seconds: limit.as_secs(),
                reason: reason.into(),
            }));
        }
        let message = format!("not begun yet: {reason}");
        self.run.progress.info(title, &message);
        Ok(false)
    }

    /// Makes one write under the fence. Answers whether it was made.
    async fn write(&mut self, title: &str, action: &Action<P>) -> Result<bool, Failed<P::Error>> {
        self.hold().await?;
        let unit = P::Snapshot::unit_of(action).to_owned();
        self.run.progress.info(title, &action.to_string());
        self.run.unconfirmed.sending(action);
        let changes_service = P::Snapshot::changes_service(action);
        if changes_service {
            self.run.taken_out.doubt(&unit);
        }
        let (platform, goal, left) = (
            self.run.roll.platform,
            &self.run.goal,
            self.run.fence.left(),
        );
        let answer = timeout(left, platform.perform(goal, action, Mode::Commit)).await;
        let made = match answer {
            Ok(Ok(Answer::Accepted)) => return Ok(true),
            // What became of it is not known: it stays unconfirmed.
            Err(_) => {
                self.run.fruitless.note(action);
                return Ok(false);
            }
            Ok(Err(error)) => Err(Failed::Platform(error)),
            Ok(Ok(Answer::Outdated)) => {
                self.run.fruitless.note(action);
                Ok(false)
            }
            Ok(Ok(Answer::NotNow(reason))) => {
                self.run.fruitless.forget(action);
                self.run
                    .progress
                    .info(title, &format!("not allowed yet: {reason}"));
                Ok(false)
            }
            Ok(Ok(Answer::Refused(reason))) => Err(refused(title, action, reason).into()),
        };
        if !matches!(&made, Err(Failed::Platform(error)) if is_unknown(error)) {
            self.run.unconfirmed.not_made(action);
            if changes_service {
                self.run.taken_out.settle(&unit);
            }
        }
        made
    }

    /// The end of a roll whose `action` has come to nothing for too long.
    fn overdue(&self, title: &str, action: &Action<P>) -> Option<Cause> {
        let limit = self.run.goal.policy.node_timeout;
        let overdue = self.run.fruitless.lasted(action) >= limit;
        overdue.then(|| Cause::Stopped {
            object: title.into(),
            reason: StopReason::WriteTimeout {
                seconds: limit.as_secs(),
                action: action.to_string(),
            },
        })
    }

    /// Gives a unit back on which nothing was done, before the roll ends. A unit that has changed since it was observed is looked at
    /// again.
    async fn give_back(&mut self, snapshot: &P::Snapshot, unit: &str) {
        let began = Instant::now();
        let title = self.run.title(snapshot, unit);
        if snapshot.give_back(unit).is_none() {
            return;
        }
        let mut snapshot = snapshot.clone();
        while began.elapsed() < GIVE_BACK {
            let action = snapshot.give_back(unit);
            if let Some(action) = action.filter(|_| !self.run.unconfirmed.concerns(unit)) {
                match self.write(&title, &action).await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(_) => break,
                }
            }
            tokio::time::sleep(PAUSE).await;
            let platform = self.run.roll.platform;
            platform.watch(PAUSE).await;
            if let Ok(observed) = platform.observe().await {
                self.run.settle(&observed);
                snapshot = observed;
            }
            if !snapshot.taken_out().iter().any(|out| out == unit) {
                return;
            }
        }
        self.run.progress.warn(&title, "could not be given back");
    }

    async fn stop(&mut self, snapshot: &P::Snapshot, stop: Stop<Action<P>>) -> Cause {
        if let Some(last) = &stop.last {
            let unit = P::Snapshot::unit_of(last).to_owned();
            let title = self.run.title(snapshot, &unit);
            if !self.write(&title, last).await.unwrap_or(false) {
                self.give_back(snapshot, &unit).await;
            }
        }
        Cause::Stopped {
            object: stop.object,
            reason: stop.reason,
        }
    }
}

/// Whether the write may have been made although it was answered with an error.
fn is_unknown<E: crate::PlatformError>(error: &E) -> bool {
    error.kind() == crate::ErrorKind::MayPass
}

fn refused<A: std::fmt::Display>(title: &str, action: &A, reason: String) -> Cause {
    Cause::Refused {
        object: title.into(),
        action: action.to_string(),
        reason,
    }
}

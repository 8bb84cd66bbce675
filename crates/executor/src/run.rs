//! The loop: look, decide, act, wait.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use trireme_blueprint::{Evidence, Inventory, Journal, rehearse};
use trireme_kubernetes::{Alarm, Lease, Pods};

use crate::interruption::{WORK, cut, last_look};
use crate::pass::{After, Pass};
use crate::roll::{Memory, Roll};
use crate::{Cause, Cordons, RollError};

/// The longest time between two looks; changes are heard of sooner.
const LOOK: Duration = Duration::from_secs(2);
/// Between two tries of an API that is away.
const RETRY: Duration = Duration::from_millis(500);

/// Rolls the cluster to the goal, or stops, and says why and in which state. `journal` is what earlier runs of this roll saw of
/// the budgets; what this one sees is added to it, also when it stops.
///
/// # Errors
/// Every [`RollError`] names the nodes that are left cordoned, and those that may be.
pub async fn roll(
    roll: &Roll<'_>,
    lease: &mut Lease,
    journal: &mut Journal,
) -> Result<Evidence, RollError> {
    let mut memory = Memory::default();
    let work = Box::pin(to_the_end(roll, lease, journal, &mut memory));
    let ended = cut(roll.voice, WORK, work).await;
    match ended.unwrap_or(Err(Cause::Interrupted)) {
        Ok(evidence) => Ok(evidence),
        Err(cause) => Err(RollError {
            cause: Box::new(cause),
            cordons: left(roll, memory.cordons).await,
        }),
    }
}

async fn to_the_end(
    roll: &Roll<'_>,
    lease: &mut Lease,
    journal: &mut Journal,
    memory: &mut Memory,
) -> Result<Evidence, Cause> {
    let alarm = Alarm::new(roll.cluster);
    rehearsed(roll, lease, &alarm, memory).await?;
    loop {
        roll.interrupted()?;
        let after = Pass {
            roll,
            lease,
            memory,
            journal,
        }
        .run()
        .await;
        match after {
            Ok(After::Done(inventory)) => return Ok(evidence(roll, journal, &inventory)),
            Ok(After::Again) => memory.away_since = None,
            Ok(After::Wait(longest)) => {
                memory.away_since = None;
                alarm.wait(longest.min(LOOK)).await;
            }
            Err(cause) => patience(roll, memory, cause).await?,
        }
    }
}

/// What is left cordoned, as the cluster says now; what is remembered, when it does not answer.
async fn left(roll: &Roll<'_>, mut known: Cordons) -> Cordons {
    match last_look(roll.voice, roll.cluster.cordoned()).await {
        Ok(cordoned) => known.observe(cordoned),
        Err(why) => {
            let message = format!("what is left cordoned could not be looked at: {why}");
            roll.voice.warn("cluster", &message);
        }
    }
    known
}

fn evidence(roll: &Roll<'_>, journal: &Journal, inventory: &Inventory) -> Evidence {
    Evidence::new(inventory, roll.goal, journal.clone(), Timestamp::now())
}

/// Waits a little when the error may pass and the API has not been away for too long.
async fn patience(roll: &Roll<'_>, memory: &mut Memory, cause: Cause) -> Result<(), Cause> {
    let Cause::Api(error) = cause else {
        return Err(cause);
    };
    let since = *memory.away_since.get_or_insert_with(Instant::now);
    let may_pass = error.may_pass() || error.is_conflict();
    if !may_pass || since.elapsed() >= roll.goal.policy.api_timeout {
        return Err(error.into());
    }
    let text = error.to_string();
    if memory.said.get("api") != Some(&text) {
        let limit = roll.goal.policy.api_timeout.as_secs();
        let message = format!("{text}; trying on for {limit} s");
        roll.voice.warn("cluster", &message);
        memory.said.insert("api".into(), text);
    }
    tokio::time::sleep(RETRY).await;
    Ok(())
}

/// The rehearsal, unless a roll is under way already. What may pass is waited for.
async fn rehearsed(
    roll: &Roll<'_>,
    lease: &mut Lease,
    alarm: &Alarm,
    memory: &mut Memory,
) -> Result<(), Cause> {
    let begun = Instant::now();
    loop {
        roll.interrupted()?;
        let look = async {
            lease.hold().await?;
            roll.cluster.inventory(Pods::All).await
        };
        let obstacles = match look.await {
            Ok(inventory) => {
                memory.cordons.observe(inventory.cordoned());
                memory.away_since = None;
                if inventory.active().next().is_some() {
                    return Ok(());
                }
                rehearse(&inventory, &roll.goal.wanted, &roll.goal.policy)
            }
            Err(error) => {
                patience(roll, memory, error.into()).await?;
                continue;
            }
        };
        if obstacles.is_empty() {
            return Ok(());
        }
        let hopeless = obstacles.iter().any(|one| !one.may_pass());
        if hopeless || begun.elapsed() >= roll.goal.policy.node_timeout {
            return Err(Cause::Obstacles(obstacles));
        }
        for obstacle in &obstacles {
            let text = obstacle.to_string();
            if memory.said.insert(text.clone(), text.clone()).is_none() {
                roll.voice.warn("cluster", &format!("waiting: {text}"));
            }
        }
        alarm.wait(LOOK).await;
    }
}

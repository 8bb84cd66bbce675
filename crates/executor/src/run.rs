//! The loop: look, decide, act, wait.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use trireme_blueprint::{Evidence, Inventory, Journal, rehearse};
use trireme_kubernetes::{Alarm, Lease, Pods};

use crate::RollError;
use crate::pass::{After, Pass};
use crate::roll::{Memory, Roll, api};

/// The longest time between two looks; changes are heard of sooner.
const LOOK: Duration = Duration::from_secs(2);
/// Between two tries of an API that is away.
const RETRY: Duration = Duration::from_millis(500);

/// Rolls the cluster to the goal, or stops, and says why and in which state. `journal` is what earlier runs of this roll saw of
/// the budgets; what this one sees is added to it, also when it stops.
///
/// # Errors
/// Every [`RollError`] names the nodes that are left cordoned.
pub async fn roll(
    roll: &Roll<'_>,
    lease: &mut Lease,
    journal: &mut Journal,
) -> Result<Evidence, RollError> {
    let mut memory = Memory::default();
    let alarm = Alarm::new(roll.cluster);
    rehearsed(roll, lease, &alarm, &mut memory).await?;
    loop {
        interrupted(roll, &memory)?;
        let after = Pass {
            roll,
            lease,
            memory: &mut memory,
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
            Err(error) => patience(roll, &mut memory, error).await?,
        }
    }
}

fn evidence(roll: &Roll<'_>, journal: &Journal, inventory: &Inventory) -> Evidence {
    let goal = roll.goal;
    Evidence::new(
        inventory,
        &goal.blueprint,
        &goal.wanted,
        journal.clone(),
        Timestamp::now(),
    )
}

fn interrupted(roll: &Roll<'_>, memory: &Memory) -> Result<(), RollError> {
    if roll.voice.is_cancelled() {
        return Err(RollError::Interrupted(memory.cordoned.clone()));
    }
    Ok(())
}

/// Waits a little when the error may pass and the API has not been away for too long.
async fn patience(roll: &Roll<'_>, memory: &mut Memory, error: RollError) -> Result<(), RollError> {
    let RollError::Api { source, .. } = error else {
        return Err(error);
    };
    let since = *memory.away_since.get_or_insert_with(Instant::now);
    let may_pass = source.may_pass() || source.is_conflict();
    if !may_pass || since.elapsed() >= roll.goal.policy.api_timeout {
        return Err(RollError::Api {
            cordoned: memory.cordoned.clone(),
            source,
        });
    }
    if memory
        .said
        .insert("api".into(), source.to_string())
        .as_ref()
        != Some(&source.to_string())
    {
        let limit = roll.goal.policy.api_timeout.as_secs();
        roll.voice
            .warn("cluster", &format!("{source}; trying on for {limit} s"));
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
) -> Result<(), RollError> {
    let begun = Instant::now();
    loop {
        interrupted(roll, memory)?;
        let look = async {
            lease.hold().await?;
            roll.cluster.inventory(Pods::All).await
        };
        let obstacles = match look.await {
            Ok(inventory) => {
                memory.cordoned = inventory.cordoned();
                memory.away_since = None;
                if inventory.active().next().is_some() {
                    return Ok(());
                }
                rehearse(&inventory, &roll.goal.wanted, &roll.goal.policy)
            }
            Err(error) => {
                patience(roll, memory, api(memory, error)).await?;
                continue;
            }
        };
        if obstacles.is_empty() {
            return Ok(());
        }
        let hopeless = obstacles.iter().any(|one| !one.may_pass());
        if hopeless || begun.elapsed() >= roll.goal.policy.node_timeout {
            return Err(RollError::Obstacles(obstacles));
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

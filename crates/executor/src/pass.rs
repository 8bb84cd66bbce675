//! One look, and the writes that follow from it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use trireme_blueprint::{Act, Inventory, Journal, Moves, Node, Pod, Roll as Mark, Stop};
use trireme_blueprint::{StopReason, Wait, leavers, moves};
use trireme_kubernetes::{Eviction, Lease, Pods};

use crate::roll::{Memory, Roll, api};
use crate::{RollError, job};

/// A server that names no time is asked again after this, if no watch wakes us sooner.
const ASK_AGAIN: Duration = Duration::from_secs(2);

pub(crate) struct Pass<'a, 'r> {
    pub(crate) roll: &'a Roll<'r>,
    pub(crate) lease: &'a mut Lease,
    pub(crate) memory: &'a mut Memory,
    pub(crate) journal: &'a mut Journal,
}

/// What comes after a pass.
pub(crate) enum After {
    /// Every node is where it shall be.
    Done(Box<Inventory>),
    /// Something was written: look at once.
    Again,
    /// Wait for a change, at most this long.
    Wait(Duration),
}

impl Pass<'_, '_> {
    pub(crate) async fn run(mut self) -> Result<After, RollError> {
        self.hold().await?;
        let look = self.roll.cluster.inventory(Pods::OfActive).await;
        let inventory = look.map_err(|error| api(self.memory, error))?;
        let now = Timestamp::now();
        self.journal.observe(&inventory.budgets, now);
        self.memory.cordoned = inventory.cordoned();
        match moves(&inventory, self.roll.goal, now) {
            Moves::Done => Ok(After::Done(Box::new(inventory))),
            Moves::Stop(stop) => Err(self.stop(stop).await),
            Moves::Go(acts, waits) => self.go(&inventory, acts, waits).await,
        }
    }

    async fn go(
        &mut self,
        inventory: &Inventory,
        acts: Vec<Act>,
        waits: Vec<Wait>,
    ) -> Result<After, RollError> {
        for wait in waits {
            self.say(&wait.object, format!("waiting {}", wait.what));
        }
        let mut wrote = false;
        let mut longest = ASK_AGAIN;
        for act in acts {
            self.hold().await?;
            match self.perform(inventory, act).await? {
                After::Wait(pause) => longest = longest.min(pause),
                _ => wrote = true,
            }
        }
        Ok(if wrote {
            After::Again
        } else {
            After::Wait(longest)
        })
    }

    async fn hold(&mut self) -> Result<(), RollError> {
        let held = self.lease.hold().await;
        held.map_err(|error| api(self.memory, error))
    }

    /// A line for people, when it is news.
    fn say(&mut self, object: &str, message: String) {
        if self.memory.said.get(object) != Some(&message) {
            self.roll.voice.info(object, &message);
            self.memory.said.insert(object.into(), message);
        }
    }

    async fn perform(&mut self, inventory: &Inventory, act: Act) -> Result<After, RollError> {
        let (cluster, goal) = (self.roll.cluster, self.roll.goal);
        let name = match &act {
            Act::Cordon(name) | Act::Evict(name) | Act::StartJob(name) => name,
            Act::RetireJob(name) | Act::Uncordon(name, _) => name,
        };
        let Some(node) = inventory.nodes.get(name) else {
            return Ok(After::Again);
        };
        let title = node.title();
        let written = match &act {
            Act::Cordon(_) => return self.cordon(node).await,
            Act::Evict(_) => return self.evict(inventory, node).await,
            Act::StartJob(name) => {
                self.say(
                    &title,
                    format!("empty; starting Job {}", goal.job_name(name)),
                );
                cluster
                    .start_job(&job::build(self.roll.act, goal, name), false)
                    .await
            }
            Act::RetireJob(name) => {
                self.say(&title, "removing the failed Job of an earlier run".into());
                cluster.retire_job(&goal.job_name(name)).await
            }
            Act::Uncordon(name, rolled) => cluster.uncordon(name, rolled).await.inspect(|()| {
                let took = rolled
                    .uncordoned_at
                    .duration_since(rolled.cordoned_at)
                    .as_secs();
                let done = format!("{} to {} in {took} s", rolled.from, rolled.to);
                self.roll.voice.done(&title, &done);
            }),
        };
        written
            .map(|()| After::Again)
            .map_err(|error| api(self.memory, error))
    }

    /// Asks the API server whether each pod of the node could go and the act begin, and only then cordons it.
    async fn cordon(&mut self, node: &Node) -> Result<After, RollError> {
        let (cluster, goal) = (self.roll.cluster, self.roll.goal);
        if node.roll.is_none() {
            let names = [node.name.clone()];
            let look = cluster.inventory(Pods::Of(&names)).await;
            let inventory = look.map_err(|error| api(self.memory, error))?;
            let pods: Vec<_> = leavers(&inventory, &node.name).cloned().collect();
            if let Some(reason) = self.ask(&pods, true).await?.first() {
                return self.blocked(node, reason);
            }
            let act = job::build(self.roll.act, goal, &node.name);
            let rehearsed = cluster.start_job(&act, true).await;
            rehearsed.map_err(|error| api(self.memory, error))?;
            self.memory.blocked_since = None;
        }
        let mark = Mark {
            blueprint: goal.blueprint.clone(),
            from: node
                .roll
                .as_ref()
                .map_or(&node.version, |roll| &roll.from)
                .clone(),
            to: goal.wanted.version.clone(),
            cordoned_at: Timestamp::now(),
        };
        self.say(
            &node.title(),
            format!("cordoning, {} to {}", mark.from, mark.to),
        );
        let cordoned = cluster.cordon(&node.name, &mark).await;
        cordoned
            .map(|()| After::Again)
            .map_err(|error| api(self.memory, error))
    }

    /// The rehearsal of a node was refused; waits, but not for ever.
    fn blocked(&mut self, node: &Node, reason: &str) -> Result<After, RollError> {
        let limit = self.roll.goal.policy.drain_timeout;
        let since = *self.memory.blocked_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= limit {
            return Err(RollError::Stopped {
                object: node.title(),
                reason: StopReason::HealthTimeout(limit.as_secs(), reason.into()),
                cordoned: self.memory.cordoned.clone(),
            });
        }
        self.say(&node.title(), format!("not begun yet: {reason}"));
        Ok(After::Wait(ASK_AGAIN))
    }

    async fn evict(&mut self, inventory: &Inventory, node: &Node) -> Result<After, RollError> {
        let staying = leavers(inventory, &node.name).filter(|pod| !pod.leaving);
        let pods: Vec<_> = staying.cloned().collect();
        let blocked = match self.ask(&pods, false).await {
            Err(RollError::Refused { object, reason, .. }) => {
                // Nothing was done on the node yet.
                self.restore(&node.name).await;
                let cordoned = self.memory.cordoned.clone();
                return Err(RollError::Refused {
                    object,
                    reason,
                    cordoned,
                });
            }
            answer => answer?,
        };
        let mut message = match pods.len() {
            1 => "evicting 1 pod".to_owned(),
            count => format!("evicting {count} pods"),
        };
        if let Some(first) = blocked.first() {
            message += &format!("; not allowed yet for {}: {first}", blocked.len());
        }
        self.say(&node.title(), message);
        Ok(After::Wait(ASK_AGAIN))
    }

    /// Asks for the eviction of each pod; answers why some have to wait.
    async fn ask(&mut self, pods: &[Pod], dry_run: bool) -> Result<Vec<String>, RollError> {
        let mut blocked = Vec::new();
        for pod in pods {
            self.hold().await?;
            let answer = self.roll.cluster.evict(pod, dry_run).await;
            match answer.map_err(|error| api(self.memory, error))? {
                Eviction::Granted | Eviction::Gone => {}
                Eviction::Blocked { reason, .. } => {
                    blocked.push(format!("{}/{}: {reason}", pod.namespace, pod.name));
                }
                Eviction::Refused(mut reason) => {
                    if pod.budgets.len() > 1 {
                        reason += &format!(" (its budgets: {})", pod.budget_names());
                    }
                    return Err(RollError::Refused {
                        object: format!("pod {}/{}", pod.namespace, pod.name),
                        reason,
                        cordoned: self.memory.cordoned.clone(),
                    });
                }
            }
        }
        Ok(blocked)
    }

    async fn stop(&mut self, mut stop: Stop) -> RollError {
        if let StopReason::ActFailed { job, why } = &mut stop.reason {
            // The roll ends whether this can be read or not.
            if let Ok(Some(ended)) = self.roll.cluster.failed_containers(job).await {
                *why += &format!("; {ended}");
            }
        }
        if let Some(name) = &stop.restore {
            self.restore(name).await;
        }
        RollError::Stopped {
            object: stop.object,
            reason: stop.reason,
            cordoned: self.memory.cordoned.clone(),
        }
    }

    /// Gives a node back on which nothing was done. One that cannot be given back stays among those that are named.
    async fn restore(&mut self, name: &str) {
        match self.roll.cluster.restore(name).await {
            Ok(()) => self.memory.cordoned.retain(|cordoned| cordoned != name),
            Err(error) => self
                .roll
                .voice
                .warn(&format!("node {name}"), &error.to_string()),
        }
    }
}

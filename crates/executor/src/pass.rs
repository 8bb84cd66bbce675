//! One look, and the writes that follow from it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use trireme_blueprint::{Act, Inventory, Journal, Moves, Node, Pod, Roll as Mark, Rolled, Stop};
use trireme_blueprint::{StopReason, Wait, leavers, moves};
use trireme_kubernetes::{Error, Eviction, Lease, Pods};

use crate::roll::{Memory, Roll};
use crate::{Cause, job};

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
    pub(crate) async fn run(mut self) -> Result<After, Cause> {
        self.hold().await?;
        let inventory = self.roll.cluster.inventory(Pods::OfActive).await?;
        let now = Timestamp::now();
        self.journal.observe(&inventory.budgets, now);
        self.memory.cordons.observe(inventory.cordoned());
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
    ) -> Result<After, Cause> {
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

    /// The safe point before every write: we are not interrupted, and hold the Lease.
    async fn hold(&mut self) -> Result<(), Cause> {
        self.roll.interrupted()?;
        Ok(self.lease.hold().await?)
    }

    /// A line for people, when it is news.
    fn say(&mut self, object: &str, message: String) {
        if self.memory.said.get(object) != Some(&message) {
            self.roll.voice.info(object, &message);
            self.memory.said.insert(object.into(), message);
        }
    }

    async fn perform(&mut self, inventory: &Inventory, act: Act) -> Result<After, Cause> {
        let (cluster, goal) = (self.roll.cluster, self.roll.goal);
        let name = match &act {
            Act::Cordon(name) | Act::Evict(name) | Act::StartJob(name) => name,
            Act::RetireJob(name) | Act::Uncordon(name, _) => name,
        };
        let Some(node) = inventory.nodes.get(name) else {
            return Ok(After::Again);
        };
        let title = node.title();
        match &act {
            Act::Cordon(_) => return self.cordon(node).await,
            Act::Evict(_) => return self.evict(inventory, node).await,
            Act::StartJob(name) => {
                let message = format!("empty; starting Job {}", goal.job_name(name));
                self.say(&title, message);
                let act = job::build(self.roll.act, goal, name);
                cluster.start_job(&act, false).await?;
            }
            Act::RetireJob(name) => {
                self.say(&title, "removing the Job of an earlier run".into());
                cluster.retire_job(&goal.job_name(name)).await?;
            }
            Act::Uncordon(name, rolled) => {
                self.memory.cordons.release(name);
                cluster.uncordon(name, rolled).await?;
                self.roll.voice.done(&title, &took(rolled));
            }
        }
        Ok(After::Again)
    }

    /// Asks the API server whether each pod of the node could go and the act begin, and only then cordons it.
    async fn cordon(&mut self, node: &Node) -> Result<After, Cause> {
        let (cluster, goal) = (self.roll.cluster, self.roll.goal);
        if node.roll.is_none() {
            let names = [node.name.clone()];
            let inventory = cluster.inventory(Pods::Of(&names)).await?;
            let pods: Vec<_> = leavers(&inventory, &node.name).cloned().collect();
            if let Some(reason) = self.ask(&pods, true).await?.first() {
                return self.blocked(node, reason);
            }
            let act = job::build(self.roll.act, goal, &node.name);
            cluster.start_job(&act, true).await?;
            // The rehearsal of a large node takes its time.
            self.hold().await?;
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
        self.memory.cordons.cordon(&node.name);
        let cordoned = cluster.cordon(&node.name, &mark).await;
        if cordoned.as_ref().err().is_none_or(Error::is_refusal) {
            self.memory.cordons.answered(&node.name);
        }
        cordoned?;
        Ok(After::Again)
    }

    /// The rehearsal of a node was refused; waits, but not for ever.
    fn blocked(&mut self, node: &Node, reason: &str) -> Result<After, Cause> {
        let limit = self.roll.goal.policy.drain_timeout;
        let since = *self.memory.blocked_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= limit {
            return Err(Cause::Stopped {
                object: node.title(),
                reason: StopReason::HealthTimeout(limit.as_secs(), reason.into()),
            });
        }
        self.say(&node.title(), format!("not begun yet: {reason}"));
        Ok(After::Wait(ASK_AGAIN))
    }

    async fn evict(&mut self, inventory: &Inventory, node: &Node) -> Result<After, Cause> {
        let staying = leavers(inventory, &node.name).filter(|pod| !pod.leaving);
        let pods: Vec<_> = staying.cloned().collect();
        let blocked = match self.ask(&pods, false).await {
            Err(refused @ Cause::Refused { .. }) => {
                // Nothing was done on the node yet.
                self.restore(&node.name).await;
                return Err(refused);
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
    async fn ask(&mut self, pods: &[Pod], dry_run: bool) -> Result<Vec<String>, Cause> {
        let mut blocked = Vec::new();
        for pod in pods {
            self.hold().await?;
            let answer = self.roll.cluster.evict(pod, dry_run).await;
            match answer? {
                Eviction::Granted | Eviction::Gone => {}
                Eviction::Blocked { reason, .. } => {
                    blocked.push(format!("{}/{}: {reason}", pod.namespace, pod.name));
                }
                Eviction::Refused(mut reason) => {
                    if pod.budgets.len() > 1 {
                        reason += &format!(" (its budgets: {})", pod.budget_names());
                    }
                    return Err(Cause::Refused {
                        object: format!("pod {}/{}", pod.namespace, pod.name),
                        reason,
                    });
                }
            }
        }
        Ok(blocked)
    }

    async fn stop(&mut self, mut stop: Stop) -> Cause {
        if let StopReason::ActFailed { job, why } = &mut stop.reason {
            // The roll ends whether this can be read or not.
            if let Ok(Some(ended)) = self.roll.cluster.failed_containers(job).await {
                *why += &format!("; {ended}");
            }
        }
        if let Some(name) = &stop.restore {
            self.restore(name).await;
        }
        Cause::Stopped {
            object: stop.object,
            reason: stop.reason,
        }
    }

    /// Gives a node back on which nothing was done.
    async fn restore(&mut self, name: &str) {
        self.memory.cordons.release(name);
        if let Err(error) = self.roll.cluster.restore(name).await {
            let node = format!("node {name}");
            self.roll.voice.warn(&node, &error.to_string());
        }
    }
}

/// For people: what was done to a node, and how long it took.
fn took(rolled: &Rolled) -> String {
    let took = rolled.uncordoned_at.duration_since(rolled.cordoned_at);
    format!(
        "{} to {} in {:.1} s",
        rolled.from,
        rolled.to,
        took.as_secs_f64()
    )
}

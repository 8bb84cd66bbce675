//! What a node that was begun needs now.

use jiff::Timestamp;

use crate::act::{Act, Stop, StopReason, Turn, Wait, overdue, stop};
use crate::goal::Goal;
use crate::inventory::{ActJob, Inventory, JobState, Node, Pod, Roll, Rolled};
use crate::rehearsal::leavers;

/// The turns of `node`, which carries our annotation: one, or an act and what is waited for beside it.
pub(crate) fn of(inventory: &Inventory, goal: &Goal, node: &Node, now: Timestamp) -> Vec<Turn> {
    let Some(roll) = &node.roll else {
        return Vec::new();
    };
    let view = View {
        inventory,
        goal,
        node,
        roll,
        now,
    };
    if let Some(job) = view.other_job() {
        // Two acts on one node at once would be worse than a wait.
        return vec![view.wait(format!(
            "for the end of Job {} of another blueprint",
            job.name
        ))];
    }
    match view.job() {
        // An earlier roll's under the same id: what it did to the node is gone, or the node would not be begun.
        Some(job) if job.created_at.as_second() < roll.cordoned_at.as_second() => {
            vec![Turn::Act(Act::RetireJob(node.name.clone()))]
        }
        Some(job) => view.after_start(job),
        None if node.version == goal.wanted.version => view.return_to_service(view.earlier_act()),
        None if node.schedulable => vec![Turn::Act(Act::Cordon(node.name.clone()))],
        None => view.drain(),
    }
}

struct View<'a> {
    inventory: &'a Inventory,
    goal: &'a Goal,
    node: &'a Node,
    roll: &'a Roll,
    now: Timestamp,
}

impl View<'_> {
    fn wait(&self, what: String) -> Turn {
        Turn::Wait(Wait {
            object: self.node.title(),
            what,
        })
    }

    fn job(&self) -> Option<&ActJob> {
        let name = self.goal.job_name(&self.node.name);
        self.inventory.jobs.iter().find(|job| job.name == name)
    }

    fn other_job(&self) -> Option<&ActJob> {
        let name = self.goal.job_name(&self.node.name);
        let jobs = self.inventory.jobs.iter();
        let others = jobs.filter(|job| {
            job.node == self.node.name && job.name != name && job.state == JobState::Active
        });
        others.min_by_key(|job| &job.name)
    }

    /// The act of another blueprint that has brought the node here since it was cordoned.
    fn earlier_act(&self) -> Option<(&ActJob, Timestamp)> {
        let jobs = self.inventory.jobs.iter();
        let done = jobs.filter_map(|job| match job.state {
            JobState::Succeeded(at) => Some((job, at)),
            _ => None,
        });
        let here = done.filter(|(job, _)| {
            job.node == self.node.name
                && job.created_at.as_second() >= self.roll.cordoned_at.as_second()
        });
        here.max_by_key(|(job, at)| (*at, &job.name))
    }

    /// Cordoned, nothing done yet: empty the node, then start the act.
    fn drain(&self) -> Vec<Turn> {
        if !self.inventory.pods.contains_key(&self.node.name) {
            return vec![self.wait("for the list of its pods".into())];
        }
        let pods: Vec<_> = leavers(self.inventory, &self.node.name).collect();
        if pods.is_empty() {
            return vec![Turn::Act(Act::StartJob(self.node.name.clone()))];
        }
        let limit = self.goal.policy.drain_timeout;
        if overdue(self.goal.since(self.roll.cordoned_at), limit, self.now) {
            let reason = StopReason::DrainTimeout(limit.as_secs(), named(&pods));
            return vec![Turn::Stop(Stop {
                object: self.node.title(),
                reason,
                restore: Some(self.node.name.clone()),
            })];
        }
        let wait = self.wait(match pods.len() {
            1 => "until 1 pod has left".to_owned(),
            count => format!("until {count} pods have left"),
        });
        if pods.iter().all(|pod| pod.leaving) {
            return vec![wait];
        }
        vec![Turn::Act(Act::Evict(self.node.name.clone())), wait]
    }

    /// The act has begun.
    fn after_start(&self, job: &ActJob) -> Vec<Turn> {
        match &job.state {
            JobState::Succeeded(at) => self.return_to_service(Some((job, *at))),
            // The API's times are whole seconds: one of the second in which the run began may be of this run.
            JobState::Failed(at, _) if at.as_second() < self.goal.started_at.as_second() => {
                vec![Turn::Act(Act::RetireJob(self.node.name.clone()))]
            }
            JobState::Failed(_, why) => {
                let (job, why) = (job.name.clone(), why.clone());
                vec![stop(self.node, StopReason::ActFailed { job, why })]
            }
            JobState::Active => {
                let limit = self.goal.policy.act_timeout;
                if overdue(self.goal.since(job.created_at), limit, self.now) {
                    return vec![stop(self.node, StopReason::ActTimeout(limit.as_secs()))];
                }
                vec![self.wait(format!("for the act, Job {}", job.name))]
            }
        }
    }

    /// The act is done: wait for a node that is Ready, new and healthy, then give it back.
    fn return_to_service(&self, job: Option<(&ActJob, Timestamp)>) -> Vec<Turn> {
        // The API's times are whole seconds and may lie before ours of the same second.
        let cordoned_at = self.roll.cordoned_at;
        let drained_at = job.map_or(cordoned_at, |(job, _)| job.created_at.max(cordoned_at));
        let acted_at = job.map_or(cordoned_at, |(_, at)| at.max(drained_at));
        if let Some(lack) = self.lack() {
            let limit = self.goal.policy.node_timeout;
            if overdue(self.goal.since(acted_at), limit, self.now) {
                return vec![stop(
                    self.node,
                    StopReason::NodeTimeout(limit.as_secs(), lack),
                )];
            }
            return vec![self.wait(lack)];
        }
        let ready_at = self.node.ready_since.unwrap_or(acted_at).max(acted_at);
        // What acted decides whose work it is: another blueprint may have had other images.
        let by = job.map_or(&self.roll.blueprint, |(job, _)| &job.blueprint);
        let rolled = Rolled {
            blueprint: by.clone(),
            from: self.roll.from.clone(),
            to: self.node.version.clone(),
            cordoned_at,
            drained_at,
            acted_at,
            ready_at,
            uncordoned_at: self.now.max(ready_at),
        };
        vec![Turn::Act(Act::Uncordon(
            self.node.name.clone(),
            Box::new(rolled),
        ))]
    }

    /// What the node lacks to be in service again.
    fn lack(&self) -> Option<String> {
        let (node, wanted) = (self.node, &self.goal.wanted.version);
        if node.version != *wanted {
            return Some(format!("until it reports {wanted} (now {})", node.version));
        }
        if !node.ready {
            return Some("until it is Ready".into());
        }
        let Some(pods) = self.inventory.pods.get(&node.name) else {
            return Some("for the list of its pods".into());
        };
        let ill: Vec<_> = pods
            .iter()
            .filter(|pod| pod.should_be_ready() && !pod.ready)
            .collect();
        if !ill.is_empty() {
            return Some(format!("until these are Ready: {}", named(&ill)));
        }
        let daemons = self.inventory.daemons.iter();
        let owing = daemons.filter(|daemon| self.inventory.owes(daemon, &node.name));
        let first = owing.min_by_key(|daemon| daemon.title())?;
        let (title, counts) = (first.title(), first.counts());
        Some(format!("until {title} has a pod on it ({counts})"))
    }
}

/// The first few pods by name, and how many more there are.
fn named(pods: &[&Pod]) -> String {
    /// More names than these help nobody.
    const SHOWN: usize = 5;
    let title = |pod: &&Pod| format!("{}/{}", pod.namespace, pod.name);
    let mut names: Vec<_> = pods.iter().map(title).collect();
    names.sort();
    names.truncate(SHOWN);
    match pods.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

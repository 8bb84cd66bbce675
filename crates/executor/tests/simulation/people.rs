//! What people do to a cluster while it is rolled.

use std::time::Duration;

use trireme_blueprint::JobState;

use crate::objects::Spec;
use crate::world::World;

/// One act of a person.
#[derive(Clone, Debug)]
pub enum Event {
    /// `kubectl cordon`, on a node that is not cordoned.
    Cordon(String),
    /// `kubectl uncordon` of what that cordoned.
    Uncordon(String),
    /// `kubectl uncordon` of a node of ours that is being drained; waits until there is one.
    TakeBack,
    /// Deletes some Job of ours.
    DeleteJob,
    /// A pod of this app is not Ready for some time.
    Ill(usize, Duration),
    /// Another number of replicas.
    Scale(usize, usize),
    /// A budget asks for something else.
    Budget(usize, Spec),
}

impl World {
    /// Does what is due.
    pub fn people(&mut self) {
        let now = self.now();
        let (due, later) = std::mem::take(&mut self.events)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, _)| *at <= now);
        self.events = later;
        for (at, event) in due {
            if matches!(event, Event::TakeBack) && self.drained_node().is_none() {
                self.events.push((at, event));
                continue;
            }
            self.note(|| format!("people: {event:?}"));
            self.happen(&event);
        }
    }

    /// A node that is being drained: some pods leave, and others are still to be evicted.
    fn drained_node(&self) -> Option<String> {
        let mut nodes = self.nodes.values().map(|node| &node.node);
        let drained = nodes.find(|node| {
            let roll = node.roll.as_ref();
            let pods = self.pods_on(&node.name).map(|pod| &pod.pod);
            let leaving: Vec<_> = pods.filter(|pod| pod.must_leave()).collect();
            !node.schedulable
                && roll.is_some_and(|roll| !roll.may_have_acted())
                && leaving.iter().any(|pod| pod.terminating)
                && leaving.iter().any(|pod| !pod.terminating)
        });
        drained.map(|node| node.name.clone())
    }

    fn happen(&mut self, event: &Event) {
        let now = self.now();
        match event {
            Event::Cordon(name) => {
                let node = self.nodes.get_mut(name).unwrap();
                if node.node.schedulable {
                    // Of a node that a roll has in hand nothing tells this cordon from the roll's own (README of cluster).
                    node.foreign = node.node.roll.is_none();
                    node.node.schedulable = false;
                    self.touch(name);
                }
            }
            Event::Uncordon(name) => {
                let node = self.nodes.get_mut(name).unwrap();
                if std::mem::take(&mut node.foreign) {
                    node.node.schedulable = true;
                    self.touch(name);
                }
            }
            Event::TakeBack => {
                let name = self.drained_node().unwrap();
                let node = self.nodes.get_mut(&name).unwrap();
                (node.node.schedulable, node.uncordoned_at) = (true, Some(now));
                self.touch(&name);
            }
            Event::DeleteJob => {
                let job = self
                    .jobs
                    .iter()
                    .find(|job| job.job.state != JobState::Terminating);
                if let Some(uid) = job.map(|job| job.job.uid.clone()) {
                    self.delete_job(&uid);
                }
            }
            Event::Ill(app, span) => {
                let mut pods = self.pods.iter_mut();
                let pod = pods.find(|pod| pod.app == Some(*app) && pod.pod.ready);
                if let Some(pod) = pod {
                    pod.pod.ready = false;
                    pod.ready_at = Some(now + *span);
                    self.changed = true;
                }
            }
            Event::Scale(app, replicas) => {
                self.apps[*app].replicas = *replicas;
                self.changed = true;
            }
            Event::Budget(index, spec) => {
                let budget = &mut self.budgets[*index];
                (budget.spec, budget.budget.observed) = (*spec, false);
                budget.budget.counts_existing_pods = matches!(spec, Spec::MinAvailable(_));
                self.changed = true;
            }
        }
    }
}

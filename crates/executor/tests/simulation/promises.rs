//! What a write must keep, judged by the true state of the cluster.

use std::time::Duration;

use trireme_blueprint::Inventory;
use trireme_release::skew::{ApiServers, Component, allow_upgrade};

use crate::api::Request;
use crate::world::{STALE, World};

/// From an observation to the write that follows from it; [`STALE`] comes on top.
const TO_ACT: Duration = Duration::from_secs(12);

impl World {
    /// What is decided is decided from something that was so a short time ago.
    pub fn check_age(&mut self, request: &Request<'_>) {
        let age = self.now().saturating_sub(request.basis.0);
        if age > STALE + TO_ACT {
            let detail = format!("{} after {} s", request.action, age.as_secs());
            self.violate("no write follows from an old observation", detail);
        }
    }

    /// Order, limits and budgets, each counted here and not by the code under test.
    pub fn check_begin(&mut self, request: &Request<'_>, name: &str) {
        let (goal, basis) = (request.goal, &request.basis.1);
        let own = self.nodes[name].node.clone();
        let begun = self.nodes.values().filter(|other| {
            let parked = own.control_plane && self.is_parked(&other.node.name);
            other.node.roll.is_some() && !parked
        });
        let begun: Vec<_> = begun.map(|other| other.node.clone()).collect();
        if own.control_plane && !begun.is_empty() {
            self.violate("the control plane goes alone", name);
        }
        let mut planes = self.nodes.values().filter(|other| other.node.control_plane);
        let plane_is_due = planes.any(|other| !goal.wanted.version.accepts(&other.node.version));
        if !own.control_plane && plane_is_due {
            self.violate("the control plane goes first", name);
        }
        let group = |other: &trireme_blueprint::Node| {
            !other.control_plane && other.zone == own.zone && other.name != own.name
        };
        if begun
            .iter()
            .any(|other| !own.control_plane && !group(other))
        {
            self.violate("one zone at a time", name);
        }
        let away = basis.nodes.values().filter(|other| group(other));
        let away = away
            .filter(|other| !(other.ready && other.schedulable))
            .count();
        let size = basis.nodes.values().filter(|other| group(other)).count() + 1;
        let limit = goal.policy.max_unavailable.of(size);
        if !own.control_plane && (away + 1 > limit || begun.len() + 1 > limit) {
            let detail = format!("{name}: {away} away, {} begun, limit {limit}", begun.len());
            self.violate("the limit of a group holds", detail);
        }
        let finished = basis.nodes.values().filter(|other| {
            let rolled = other.rolled.as_ref();
            let ours = rolled.is_some_and(|r| r.roll == goal.roll && r.blueprint == goal.blueprint);
            ours && !other.control_plane && goal.wanted.version.accepts(&other.version)
        });
        if !own.control_plane && finished.count() < goal.policy.canary as usize && !begun.is_empty()
        {
            self.violate("a canary goes alone", name);
        }
        self.check_budgets(request, name);
    }

    pub fn check_budgets(&mut self, request: &Request<'_>, name: &str) {
        let basis = &request.basis.1;
        let lacking = |budget: &trireme_blueprint::Budget| {
            budget.expected > 0 && (!budget.observed || budget.current < budget.desired)
        };
        for budget in basis.budgets.iter().filter(|budget| lacking(budget)) {
            let before = request.first.budgets.iter();
            let mut before = before.filter(|other| other.title() == budget.title());
            let was_so = before.any(lacking);
            let mut pods = basis.pods_of(name).filter(|pod| pod.must_leave());
            let touched = pods.any(|pod| pod.budgets.contains(&budget.name));
            if touched || !was_so {
                let detail = format!(
                    "{name}: {} {}/{}",
                    budget.name, budget.current, budget.desired
                );
                self.violate("no node is begun while a budget is not satisfied", detail);
            }
        }
    }

    pub fn check_start(&mut self, request: &Request<'_>, name: &str, attempt: &str) {
        let (node, to) = (&self.nodes[name].node, &request.goal.wanted.version);
        let (from, to) = (node.version.release(), to.release());
        let server = self.oldest_server();
        let legal = match node.control_plane {
            true => allow_upgrade(&server.clone().min(to.clone()), &to).is_ok(),
            false => ApiServers::single(server)
                .allow(Component::Kubelet, &to)
                .is_ok(),
        };
        let planes = self.nodes.values().map(|node| &node.node);
        let mut planes = planes.filter(|other| other.control_plane);
        let wanted = &request.goal.wanted.version;
        let plane_is_due = planes.any(|other| !wanted.accepts(&other.version));
        let (plane, roll) = (node.control_plane, node.roll.clone());
        if !legal || to < from {
            self.violate(
                "the version skew is legal before every Job",
                format!("{name} to {to}"),
            );
        }
        if !plane && plane_is_due {
            self.violate("the control plane goes first", format!("Job on {name}"));
        }
        if roll
            .as_ref()
            .is_none_or(|roll| roll.attempt != attempt || roll.to != *wanted)
        {
            self.violate("a Job belongs to the attempt on its node", name);
        }
        if self.running_actions(name).count() > 0 {
            self.violate("one action pod on a node", name);
        }
    }

    pub fn check_give_back(&mut self, name: &str) {
        self.counts.given_back += 1;
        let roll = self.nodes[name].node.roll.clone();
        let attempt = roll.map(|roll| roll.attempt).unwrap_or_default();
        if self.counts.started.contains(&attempt) {
            self.violate(
                "only a node on which nothing was done is given back as it is",
                name,
            );
        }
    }

    pub fn check_return(&mut self, name: &str) {
        let node = self.nodes[name].node.clone();
        let server = self.oldest_server();
        let kubelet = node.version.release();
        let legal = ApiServers::single(server).allow(Component::Kubelet, &kubelet);
        if !node.control_plane && legal.is_err() {
            self.violate("the version skew is legal when a node is given back", name);
        }
        let Some(roll) = &node.roll else {
            self.violate("only a node that was begun is given back", name);
            return;
        };
        let since = self.now().saturating_sub(STALE + TO_ACT);
        let healthy = |inventory: &Inventory| {
            let mut pods = inventory.pods_of(name);
            inventory.nodes[name].ready
                && !pods.any(|pod| {
                    let known = roll.unready_before.contains(&pod.belongs_to());
                    pod.should_be_ready() && !pod.ready && !known
                })
        };
        // What was there at `since` is the last entry before it.
        let mut recent = self.history.iter().rev();
        let mut was_healthy = false;
        for (at, inventory) in recent.by_ref() {
            was_healthy |= healthy(inventory);
            if *at <= since || was_healthy {
                break;
            }
        }
        if !was_healthy {
            self.violate("a node is given back healthy", name);
        }
    }

    pub fn check_epoch(&mut self, request: &Request<'_>) {
        if self.lease.epoch != request.goal.epoch {
            let (own, now) = (request.goal.epoch, self.lease.epoch);
            let detail = format!("{} of epoch {own} in epoch {now}", request.action);
            self.violate(
                "no write arrives after another roller has the Lease",
                detail,
            );
        }
    }
}

//! What a cluster does by itself: kubelets, controllers and the scheduler.

use std::time::Duration;

use trireme_blueprint::{JobState, Owner, Pod, PodKind};

use crate::objects::{AppKind, SimPod};
use crate::world::World;

/// How often everything that acts by itself does.
pub const STEP: Duration = Duration::from_millis(500);
/// How long the pod of a Job that is deleted takes to end.
const JOB_GRACE: Duration = Duration::from_secs(4);

impl World {
    /// One step of everything that acts by itself.
    pub fn step(&mut self) {
        self.people();
        self.run_jobs();
        self.run_kubelets();
        self.end_pods();
        self.remove_jobs();
        self.run_controllers();
        self.schedule();
        if self.now() >= self.budgets_at {
            self.budgets_at = self.now() + self.budget_lag;
            self.count_budgets();
        }
        self.publish();
    }

    fn run_jobs(&mut self) {
        let now = self.now();
        for index in 0..self.jobs.len() {
            let job = &self.jobs[index];
            if job.job.state == JobState::Active && now >= job.ends_at {
                self.end_job(index);
            }
            let job = &self.jobs[index];
            let Some(ended_at) = job.ended_at else {
                continue;
            };
            let (uid, is_over) = (job.job.uid.clone(), now >= ended_at + job.lingers);
            if is_over && matches!(job.job.state, JobState::Failed(_)) {
                self.end_action_pods(&uid);
            }
            if self.job_ttl.is_some_and(|ttl| now >= ended_at + ttl) {
                self.delete_job(&uid);
            }
        }
    }

    fn end_job(&mut self, index: usize) {
        let now = self.now();
        let (reboot, report) = (self.rng.u64(0..15), self.rng.u64(0..6));
        let job = &mut self.jobs[index];
        job.ended_at = Some(now);
        self.changed = true;
        if job.fails {
            job.job.state = JobState::Failed("DeadlineExceeded".into());
            let name = job.job.name.clone();
            self.note(|| format!("{name} failed"));
            return;
        }
        job.job.state = JobState::Succeeded;
        let (name, uid, to) = (job.job.node.clone(), job.job.uid.clone(), job.to.clone());
        self.note(|| format!("Job on {name} succeeded"));
        self.end_action_pods(&uid);
        let node = self.nodes.get_mut(&name).unwrap();
        node.next_version = Some((now + Duration::from_secs(report), to));
        if reboot >= 8 {
            node.node.ready = false;
            node.ready_at = Some(now + Duration::from_secs(reboot));
            self.touch(&name);
        }
    }

    fn end_action_pods(&mut self, uid: &str) {
        for pod in &mut self.pods {
            if pod.job.as_deref() == Some(uid) && !pod.pod.ended {
                (pod.pod.ended, pod.pod.ready) = (true, false);
                self.changed = true;
            }
        }
    }

    /// Deletes a Job in the foreground: it goes after its pods.
    pub fn delete_job(&mut self, uid: &str) {
        let now = self.now();
        let Some(job) = self.jobs.iter_mut().find(|job| job.job.uid == uid) else {
            return;
        };
        if job.job.state == JobState::Terminating {
            return;
        }
        job.job.state = JobState::Terminating;
        // It is counted no longer: whoever deletes a Job asks for another.
        self.counts.jobs.remove(&job.job.attempt);
        for pod in &mut self.pods {
            if pod.job.as_deref() == Some(uid) {
                pod.pod.terminating = true;
                let grace = if pod.pod.ended {
                    Duration::ZERO
                } else {
                    JOB_GRACE
                };
                pod.stops_at = Some(now + grace);
            }
        }
        self.changed = true;
    }

    fn remove_jobs(&mut self) {
        let there = self.jobs.len();
        let pods = &self.pods;
        self.jobs.retain(|job| {
            let has_pods = pods
                .iter()
                .any(|pod| pod.job.as_deref() == Some(job.job.uid.as_str()));
            job.job.state != JobState::Terminating || has_pods
        });
        self.changed |= self.jobs.len() != there;
    }

    fn run_kubelets(&mut self) {
        let now = self.now();
        let names: Vec<_> = self.nodes.keys().cloned().collect();
        for name in names {
            let noise = self.rng.u32(0..60) == 0;
            let node = self.nodes.get_mut(&name).unwrap();
            let mut changed = noise;
            if let Some((_, version)) = node.next_version.take_if(|(at, _)| now >= *at) {
                changed |= node.node.version != version;
                node.node.version = version;
                self.restart_daemons(&name);
            }
            let node = self.nodes.get_mut(&name).unwrap();
            if node.ready_at.take_if(|at| now >= *at).is_some() {
                node.node.ready = true;
                changed = true;
            }
            if changed {
                self.touch(&name);
            }
        }
        for pod in &mut self.pods {
            if pod.ready_at.take_if(|at| now >= *at).is_some() {
                pod.pod.ready = !pod.pod.terminating;
                self.changed = true;
            }
        }
    }

    /// After a reboot the pods of DaemonSets start again.
    fn restart_daemons(&mut self, node: &str) {
        let now = self.now();
        for index in 0..self.pods.len() {
            let pod = &self.pods[index];
            let here = pod.node.as_deref() == Some(node) && pod.pod.kind == PodKind::DaemonSet;
            let startup = pod.app.and_then(|app| self.apps[app].startup);
            if here {
                let pod = &mut self.pods[index];
                pod.pod.ready = false;
                pod.ready_at = startup.map(|startup| now + startup);
                self.changed = true;
            }
        }
    }

    fn end_pods(&mut self) {
        let now = self.now();
        for pod in &mut self.pods {
            if pod.released_at.is_some_and(|at| now >= at) && !pod.pod.finalizers.is_empty() {
                pod.pod.finalizers.clear();
                self.changed = true;
            }
        }
        let there = self.pods.len();
        self.pods.retain(|pod| {
            let stopped = pod.stops_at.is_some_and(|at| now >= at);
            !(stopped && pod.pod.finalizers.is_empty())
        });
        self.changed |= self.pods.len() != there;
    }

    fn run_controllers(&mut self) {
        for app in 0..self.apps.len() {
            match self.apps[app].kind {
                AppKind::Bare => {}
                AppKind::DaemonSet => self.run_daemon_set(app),
                AppKind::Deployment | AppKind::StatefulSet => self.run_replicas(app),
            }
        }
    }

    fn run_daemon_set(&mut self, app: usize) {
        let names: Vec<_> = self.nodes.keys().cloned().collect();
        for name in names {
            let has = self
                .pods_of_app(app)
                .any(|pod| pod.node.as_ref() == Some(&name));
            if !has {
                self.start_pod(app, Some(name));
            }
        }
    }

    fn run_replicas(&mut self, app: usize) {
        let waits = self.apps[app].kind == AppKind::StatefulSet;
        let pods = self.pods_of_app(app);
        let there = pods.filter(|pod| waits || !pod.pod.terminating).count();
        let wanted = self.apps[app].replicas;
        for _ in there..wanted {
            self.start_pod(app, None);
        }
        if there > wanted {
            let last = self
                .pods_of_app(app)
                .filter(|pod| !pod.pod.terminating)
                .last();
            if let Some(uid) = last.map(|pod| pod.pod.uid.clone()) {
                self.end_pod(&uid);
            }
        }
    }

    /// Begins the deletion of a pod.
    pub fn end_pod(&mut self, uid: &str) {
        let now = self.now();
        let Some(pod) = self.pods.iter_mut().find(|pod| pod.pod.uid == uid) else {
            return;
        };
        if pod.pod.terminating {
            return;
        }
        let app = pod.app.map(|app| &self.apps[app]);
        pod.pod.terminating = true;
        pod.pod.ready = false;
        pod.stops_at = Some(now + app.map_or(Duration::ZERO, |app| app.grace));
        let release = app.and_then(|app| app.finalizer.as_ref()?.1);
        pod.released_at = release.map(|after| now + after);
        self.changed = true;
    }

    /// Starts a pod of `app`: on `node`, or where the scheduler puts it.
    pub fn start_pod(&mut self, app: usize, node: Option<String>) {
        let (uid, now) = (self.fresh(), self.now());
        self.apps[app].started += 1;
        let template = &self.apps[app];
        let (kind, controller) = match template.kind {
            AppKind::Deployment => (PodKind::Managed, Some("Deployment")),
            AppKind::StatefulSet => (PodKind::Managed, Some("StatefulSet")),
            AppKind::DaemonSet => (PodKind::DaemonSet, Some("DaemonSet")),
            AppKind::Bare => (PodKind::Unmanaged, None),
        };
        let finalizers = template.finalizer.iter().map(|(name, _)| name.clone());
        let budgets = self.budgets.iter().filter(|budget| budget.app == Some(app));
        let pod = Pod {
            namespace: "shop".into(),
            name: format!("{}-{}", template.name, template.started),
            uid,
            owner: controller.map(|kind| Owner {
                kind: kind.into(),
                name: template.name.clone(),
            }),
            kind,
            ready: false,
            ended: false,
            terminating: false,
            finalizers: finalizers.collect(),
            budgets: budgets.map(|budget| budget.budget.name.clone()).collect(),
        };
        let startup = node.as_ref().and(template.startup);
        self.pods.push(SimPod {
            pod,
            app: Some(app),
            node,
            ready_at: startup.map(|startup| now + startup),
            stops_at: None,
            released_at: None,
            job: None,
        });
        self.changed = true;
    }

    fn schedule(&mut self) {
        let now = self.now();
        for index in 0..self.pods.len() {
            let pod = &self.pods[index];
            if pod.node.is_some() || pod.pod.terminating {
                continue;
            }
            let workers = self.nodes.values().map(|node| &node.node);
            let open = workers.filter(|node| !node.control_plane && node.ready && node.schedulable);
            let least = open.min_by_key(|node| (self.pods_on(&node.name).count(), &node.name));
            let Some(name) = least.map(|node| node.name.clone()) else {
                continue;
            };
            let startup = pod.app.and_then(|app| self.apps[app].startup);
            let pod = &mut self.pods[index];
            pod.node = Some(name);
            pod.ready_at = startup.map(|startup| now + startup);
            self.changed = true;
        }
    }
}

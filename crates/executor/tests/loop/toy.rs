//! One unit with three pods: the smallest platform that a roll has something to do on.

use std::fmt;

use trireme_blueprint::{
    Blocker, Decision, Driver, Goal, Preflight, Role, Snapshot, Stage, Status, Timers, Unit,
};
use trireme_release::Version;

pub const NEW: Version = Version::new(1, 37, 2);

/// One node: not begun, begun with so many pods, or done.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Due,
    Begun(usize),
    Done,
}

#[derive(Clone, Debug)]
pub struct Toy {
    pub state: State,
    pub failures: Vec<Blocker>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Begin,
    Evict(usize),
    Finish,
    GiveBack,
}

impl fmt::Display for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl Snapshot for Toy {
    type Action = Write;

    fn preflight(&self, _: &Goal) -> Preflight {
        Preflight {
            failures: self.failures.clone(),
            notices: Vec::new(),
        }
    }

    fn units(&self, _: &Goal) -> Vec<Unit> {
        vec![Unit {
            name: "w-1".into(),
            title: "node w-1 (az-a)".into(),
            zone: "az-a".into(),
            role: Role::Worker,
            version: NEW,
            status: match self.state {
                State::Due => Status::Due,
                State::Begun(_) => Status::Begun {
                    attempt: "a".into(),
                },
                State::Done => Status::Done { by_this_roll: true },
            },
            in_service: true,
            driver: Driver::Executor,
            waits_for_control_plane: false,
        }]
    }

    fn blockers(&self, _: &Goal, _: &str) -> Vec<Blocker> {
        Vec::new()
    }

    fn begin(&self, _: &Goal, _: &Timers, _: &str) -> Option<Write> {
        Some(Write::Begin)
    }

    fn decide(&self, _: &Goal, _: &Timers, _: &str) -> Vec<Decision<Write>> {
        match self.state {
            State::Begun(0) => vec![Decision::Do(Write::Finish)],
            State::Begun(pods) => (0..pods)
                .map(|pod| Decision::Do(Write::Evict(pod)))
                .collect(),
            State::Due | State::Done => Vec::new(),
        }
    }

    fn give_back(&self, _: &str) -> Option<Write> {
        matches!(self.state, State::Begun(_)).then_some(Write::GiveBack)
    }

    fn stages(&self) -> Vec<(String, String, Stage)> {
        Vec::new()
    }

    fn taken_out(&self) -> Vec<String> {
        let begun = matches!(self.state, State::Begun(_));
        begun.then(|| "w-1".to_owned()).into_iter().collect()
    }

    fn unit_of(_: &Write) -> &str {
        "w-1"
    }

    fn changes_service(action: &Write) -> bool {
        !matches!(action, Write::Evict(_))
    }

    fn shows(&self, action: &Write) -> bool {
        match (action, &self.state) {
            (Write::Begin, state) => *state != State::Due,
            (Write::Evict(pod), State::Begun(pods)) => pod >= pods,
            (Write::Evict(_), state) => *state != State::Due,
            (Write::Finish, state) => *state == State::Done,
            (Write::GiveBack, state) => *state == State::Due,
        }
    }
}

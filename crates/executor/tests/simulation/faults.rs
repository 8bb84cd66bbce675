//! What goes wrong between a roller and its API server, by the seed.

use std::time::Duration;

use fastrand::Rng;

/// How often and how badly.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Of a hundred requests, so many arrive late, by at most this.
    pub late_requests: (u32, Duration),
    /// Of a hundred answers, so many come late, by at most this.
    pub late_answers: (u32, Duration),
    /// Of a hundred requests, so many are answered with an error and not carried out.
    pub errors_before: u32,
    /// Of a hundred requests, so many are carried out and answered with an error.
    pub errors_after: u32,
    /// From when until when observations are late, and by how much.
    pub lags: Vec<(Duration, Duration, Duration)>,
    /// Whether only pods, budgets and Jobs are late, and nodes are not: each kind has a watch of its own.
    pub mixed: bool,
    /// From when until when nothing can be observed.
    pub broken: Vec<(Duration, Duration)>,
    /// After this nothing goes wrong any more.
    pub until: Duration,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    pub request: Duration,
    pub answer: Duration,
    pub error_before: bool,
    pub error_after: bool,
}

impl Faults {
    /// What goes wrong with a request at `now`.
    pub fn draw(&self, rng: &mut Rng, now: Duration) -> Fault {
        if now >= self.until {
            return Fault::default();
        }
        let mut late = |(often, most): (u32, Duration)| match rng.u32(0..100) < often {
            true => Duration::from_millis(rng.u64(0..=u64::try_from(most.as_millis()).unwrap())),
            false => Duration::ZERO,
        };
        let (request, answer) = (late(self.late_requests), late(self.late_answers));
        Fault {
            request,
            answer,
            error_before: rng.u32(0..100) < self.errors_before,
            error_after: rng.u32(0..100) < self.errors_after,
        }
    }

    /// How late an observation at `now` is; none when there is none.
    pub fn lag(&self, now: Duration) -> Option<Duration> {
        let within = |from: Duration, until: Duration| from <= now && now < until;
        if self
            .broken
            .iter()
            .any(|(from, until)| within(*from, *until))
        {
            return None;
        }
        let lags = self.lags.iter();
        let mut lags = lags.filter(|(from, until, _)| within(*from, *until));
        Some(lags.next().map_or(Duration::ZERO, |(_, _, lag)| *lag))
    }
}

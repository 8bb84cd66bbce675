//! The troubles of a busy API: late answers, errors that pass, connections that drop, watches that end early.
//!
//! Which request meets which trouble follows from a seed and the number of the request. The accounts of the namespace `sandbox`
//! meet none: they simulate the nodes and observe a roll.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};

use super::answer::{self, Body};
use crate::kubernetes::{failure::Failure, options::FaultOptions};

/// The accounts that meet no faults.
const SPARED: &str = "system:serviceaccount:sandbox:";

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It arrives late.
    Late(Duration),
    /// It is done, and the answer is late.
    LateAnswer(Duration),
    /// It fails for now: 500.
    Error,
    /// There are too many requests: 429, to be asked again after a second.
    TooMany,
    /// It is done, and the answer is that time ran out: 504.
    TimedOut,
    /// The connection drops before it is done.
    Dropped,
    /// It is done, and the connection drops.
    AnswerLost,
    /// Of a watch: it ends after this time.
    Short(Duration),
}

/// Which requests meet a trouble.
#[derive(Debug)]
pub(crate) struct Faults {
    options: FaultOptions,
    count: AtomicU64,
    begun: AtomicBool,
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Read,
    Watch,
    Write,
}

impl Faults {
    /// None until they begin.
    pub fn new(options: FaultOptions) -> Self {
        Self {
            options,
            count: AtomicU64::new(0),
            begun: AtomicBool::new(false),
        }
    }

    /// Lets them begin.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// The trouble of the next request of this user.
    pub(super) fn next(&self, user: &str, sort: Sort) -> Option<Fault> {
        if !self.begun.load(Ordering::Relaxed) || user.starts_with(SPARED) {
            return None;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        fault(&self.options, number, sort)
    }
}

/// About one request in twelve meets a trouble, and every second watch.
fn fault(options: &FaultOptions, number: u64, sort: Sort) -> Option<Fault> {
    let seed = options.seed.wrapping_mul(1_000_003).wrapping_add(number);
    let mut random = fastrand::Rng::with_seed(seed);
    let share = random.u32(..1000);
    let time = options.longest_delay.mul_f64(random.f64());
    let may_lose = options.loses_answers || sort != Sort::Write;
    Some(match share {
        0..30 => Fault::Late(time),
        30..50 => Fault::LateAnswer(time),
        50..60 => Fault::Error,
        60..70 => Fault::TooMany,
        70..75 => Fault::Dropped,
        75..79 if may_lose => Fault::TimedOut,
        79..83 if may_lose => Fault::AnswerLost,
        83..500 if sort == Sort::Watch => Fault::Short(time * 4),
        _ => return None,
    })
}

/// The answer of an API that fails for now, in the words of the real server.
pub(super) fn error() -> Response<Body> {
    answer::failure(&Failure::internal("etcdserver: leader changed"))
}

/// The answer of an API that is too busy: plain text, unlike the 429 of a disruption budget.
pub(super) fn too_many() -> Response<Body> {
    let text = "Too many requests, please try again later.\n";
    let mut response = answer::plain(StatusCode::TOO_MANY_REQUESTS, text);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The answer of an API that does not know what became of the request.
pub(super) fn timed_out() -> Response<Body> {
    answer::failure(&Failure::timed_out())
}

/// A response that ends after some time.
pub(super) fn shortened(response: Response<Body>, time: Duration) -> Response<Body> {
    use futures_util::StreamExt;
    response.map(|body| {
        let frames = body.into_data_stream().take_until(tokio::time::sleep(time));
        let frames = frames.map(|data| data.map(hyper::body::Frame::<Bytes>::data));
        StreamBody::new(frames).boxed_unsync()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(options: &FaultOptions) -> Vec<Option<Fault>> {
        let sorts = [Sort::Read, Sort::Watch, Sort::Write];
        let sorts = sorts.into_iter().cycle();
        let fault = |(number, sort)| fault(options, number, sort);
        (0..3000).zip(sorts).map(fault).collect()
    }

    #[test]
    fn a_seed_gives_the_same_troubles_again_and_every_sort_of_them() {
        let of = |seed| faults(&FaultOptions::busy(seed));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        let troubled = of(7).into_iter().flatten();
        let sorts: std::collections::BTreeSet<String> = troubled
            .map(|fault| format!("{fault:?}").split('(').next().unwrap().to_owned())
            .collect();
        assert_eq!(sorts.len(), 8, "{sorts:?}");
    }

    #[test]
    fn a_write_is_never_done_without_an_answer_where_none_gets_lost() {
        let options = FaultOptions {
            loses_answers: false,
            ..FaultOptions::busy(7)
        };
        let lost = |number| {
            let fault = fault(&options, number, Sort::Write);
            matches!(fault, Some(Fault::TimedOut | Fault::AnswerLost))
        };
        assert!(!(0..3000).any(lost));
    }

    #[test]
    fn none_begin_before_they_are_let_and_the_world_itself_is_spared() {
        let faults = Faults::new(FaultOptions::busy(1));
        let met = |user: &str| {
            let met = (0..500).filter_map(|_| faults.next(user, Sort::Read));
            met.count()
        };
        assert_eq!(met("jane"), 0);
        faults.begin();
        assert!(met("jane") > 10);
        assert_eq!(met("system:serviceaccount:sandbox:viewer"), 0);
    }
}

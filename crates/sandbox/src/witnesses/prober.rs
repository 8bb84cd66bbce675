//! Measures whether an address answers: many connections a second, each exchanging one line.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// Between two connections: 50 a second notice a gap of 20 ms.
const EVERY: Duration = Duration::from_millis(20);
/// An answer that takes longer than this is a failure. As long as clients wait: on a machine that compiles something
/// beside the prober, it is the prober that comes late, seldom the service.
const PATIENCE: Duration = Duration::from_secs(5);
/// The line of a report has one point for as many milliseconds.
const BUCKET_MS: i64 = 250;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Connections that were tried and have ended.
    pub sent: u64,
    /// Of these, how many were refused, cut off, late, or answered wrongly.
    pub failed: u64,
    /// Counts over time, by when a connection was tried.
    pub buckets: Vec<Bucket>,
}

/// A quarter of a second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Its beginning, in milliseconds of Unix time.
    pub at_ms: i64,
    /// As in [`Measured`].
    pub sent: u64,
    /// As in [`Measured`].
    pub failed: u64,
}

/// A running prober; dropping it ends it.
pub struct Prober {
    measured: Arc<Mutex<Measured>>,
    _tasks: JoinSet<()>,
}

impl Prober {
    /// Starts to probe.
    pub fn start(address: SocketAddr) -> Self {
        let measured = Arc::new(Mutex::new(Measured::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(run(address, Arc::clone(&measured)));
        Self {
            measured,
            _tasks: tasks,
        }
    }

    /// What was measured until now.
    pub fn measured(&self) -> Measured {
        self.measured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn run(address: SocketAddr, measured: Arc<Mutex<Measured>>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probes = JoinSet::new();
    for number in 0_u64.. {
        ticks.tick().await;
        let measured = Arc::clone(&measured);
        probes.spawn(async move {
            let at = Timestamp::now();
            let answered = matches!(
                timeout(PATIENCE, exchange(address, number)).await,
                Ok(Ok(true))
            );
            measured
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .count(at, answered);
        });
        while probes.try_join_next().is_some() {}
    }
}

async fn exchange(address: SocketAddr, number: u64) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("ping {number}\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.take(256).read_to_string(&mut answer).await?;
    Ok(answer.starts_with(&format!("ping {number} ")))
}

impl Measured {
    fn count(&mut self, at: Timestamp, answered: bool) {
        let at_ms = at.as_millisecond().div_euclid(BUCKET_MS) * BUCKET_MS;
        let place = self.buckets.partition_point(|bucket| bucket.at_ms < at_ms);
        if self
            .buckets
            .get(place)
            .is_none_or(|bucket| bucket.at_ms != at_ms)
        {
            self.buckets.insert(
                place,
                Bucket {
                    at_ms,
                    sent: 0,
                    failed: 0,
                },
            );
        }
        self.sent += 1;
        self.failed += u64::from(!answered);
        self.buckets[place].sent += 1;
        self.buckets[place].failed += u64::from(!answered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_answers_are_counted_where_they_were_tried() {
        let mut measured = Measured::default();
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        measured.count(at(1000), true);
        measured.count(at(1600), false);
        measured.count(at(1249), true);
        assert_eq!((measured.sent, measured.failed), (3, 1));
        let seen: Vec<(i64, u64, u64)> = measured
            .buckets
            .iter()
            .map(|b| (b.at_ms, b.sent, b.failed))
            .collect();
        assert_eq!(seen, [(1000, 2, 0), (1500, 1, 1)]);
    }
}

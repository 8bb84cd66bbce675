//! The loop over a platform that answers late, wrongly or not at all. The clock is paused: what takes minutes here takes none.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trireme_blueprint::{Before, Goal, Policy, StopReason, Wanted, Window};
use trireme_executor::{Cause, ErrorKind, Fence, Roll, RollError, roll};

mod slow;
mod toy;

use slow::Slow;
use toy::{NEW, Toy, Write};

async fn run(platform: &Slow) -> Result<Toy, RollError> {
    let goal = Goal {
        blueprint: "b".into(),
        roll: "r".into(),
        epoch: 1,
        wanted: Wanted {
            version: NEW,
            images: BTreeMap::new(),
        },
        policy: Policy {
            api_timeout: Duration::from_secs(60),
            node_timeout: Duration::from_secs(60),
            ..Policy::default()
        },
        window: Window::Open,
        before: Before::default(),
    };
    let task = Roll {
        platform,
        clock: &|| Timestamp::UNIX_EPOCH,
        cancellation: &CancellationToken::new(),
    };
    roll(&task, goal, Fence::new(Instant::now()), &mut |_, _| ()).await
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// All that a roll of this platform writes.
fn whole() -> Vec<Write> {
    let evictions = (0..3).map(Write::Evict);
    [Write::Begin]
        .into_iter()
        .chain(evictions)
        .chain([Write::Finish])
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_shown_yet_is_not_repeated() {
    let platform = Slow {
        lag: seconds(10),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    assert_eq!(platform.written(), whole());
}

#[tokio::test(start_paused = true)]
async fn a_roll_is_done_when_a_later_look_shows_its_last_write() {
    let platform = Slow {
        lag: seconds(10),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let finished_at = platform.writes.lock().unwrap().last().unwrap().0;
    assert!(platform.began.elapsed() >= finished_at + seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_reason_to_write_again() {
    let platform = Slow {
        lag: seconds(5),
        writing: |_| (seconds(1), Some(ErrorKind::MayPass)),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let begins = platform.written();
    let begins = begins.iter().filter(|write| **write == Write::Begin);
    assert_eq!(begins.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_changes_before_every_write_stops_the_roll_after_its_time() {
    let passing = Slow {
        outdated: |now, write| *write == Write::Finish && now < seconds(50),
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    assert_eq!(passing.written(), whole());
    for outdated in [
        |_, write: &Write| *write == Write::Begin,
        |_, write: &Write| *write == Write::Finish,
    ] {
        let lasting = Slow {
            outdated,
            ..Slow::new()
        };
        let error = run(&lasting).await.unwrap_err();
        let Cause::Stopped { reason, .. } = &*error.cause else {
            panic!("{error}");
        };
        assert!(
            matches!(reason, StopReason::WriteTimeout { seconds: 60, .. }),
            "{reason}"
        );
        let lasted = lasting.began.elapsed().as_secs();
        assert!((60..75).contains(&lasted), "{lasted} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_has_changed_is_looked_at_again_until_it_is_given_back() {
    let platform = Slow {
        refused: |write| matches!(write, Write::Evict(_)),
        outdated: |now, write| *write == Write::GiveBack && now < seconds(2),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Refused { .. }), "{error}");
    assert_eq!(platform.written(), [Write::Begin, Write::GiveBack]);
    assert_eq!(error.taken_out.to_string(), "No node is left cordoned.");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_accepted_and_never_shown_stops_the_roll_too() {
    let platform = Slow {
        lag: seconds(10_000),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(
        matches!(
            &*error.cause,
            Cause::Stopped {
                reason: StopReason::WriteTimeout { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_unit_is_begun_on_an_observation_that_the_dry_run_has_outlasted() {
    let platform = Slow {
        dry_running: |now| match now < seconds(60) {
            true => (seconds(40), None),
            false => (Duration::ZERO, None),
        },
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let begun_at = platform.writes.lock().unwrap()[0].0;
    assert!(begun_at >= seconds(60), "{begun_at:?}");
    assert_eq!(platform.written(), whole());
}

#[tokio::test(start_paused = true)]
async fn no_lock_is_lost_while_a_dry_run_is_answered_late() {
    let platform = Slow {
        dry_running: |now| match now < seconds(60) {
            true => (seconds(16), None),
            false => (Duration::ZERO, None),
        },
        // A second run waits for the lock.
        late: Some(usize::MAX),
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    assert_eq!(platform.written(), whole());
    assert_eq!(*platform.taken_over_at.lock().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_answered_late_counts_from_when_it_was_sent() {
    let platform = Slow {
        lag: seconds(2),
        // Nothing is answered between 3 s and 15 s.
        renewing: |now| match now >= seconds(3) && now < seconds(15) {
            true => (seconds(16), None),
            false => (Duration::ZERO, None),
        },
        ..Slow::new()
    };
    run(&platform).await.unwrap();
    let writes = platform.writes.lock().unwrap();
    let within = writes
        .iter()
        .filter(|(at, _)| *at >= seconds(10) && *at < seconds(15));
    assert_eq!(within.count(), 0, "{writes:?}");
}

/// A roll whose request of this number is answered after 16 s: how many requests it made, when the second run took the lock, and
/// the writes that came after that.
async fn with_late_answer(late: usize) -> (usize, Option<Duration>, usize) {
    let platform = Slow {
        lag: seconds(3),
        late: Some(late),
        ..Slow::new()
    };
    let _ = run(&platform).await;
    platform.is_taken_over();
    let taken = *platform.taken_over_at.lock().unwrap();
    let writes = platform.writes.lock().unwrap();
    let after = writes
        .iter()
        .filter(|(at, _)| taken.is_some_and(|taken| *at >= taken));
    let asked = platform.asked.load(Ordering::Relaxed);
    (
        asked,
        taken.filter(|at| *at < platform.began.elapsed()),
        after.count(),
    )
}

#[tokio::test(start_paused = true)]
async fn whichever_answer_is_16_s_late_nothing_is_written_after_a_second_run_has_the_lock() {
    let (requests, _, _) = with_late_answer(usize::MAX).await;
    assert!(requests > 10, "{requests} requests");
    let mut taken_over = 0;
    for late in 0..requests {
        let (_, taken, after) = with_late_answer(late).await;
        assert_eq!(
            after, 0,
            "request {late}: the second run took the lock at {taken:?}"
        );
        taken_over += usize::from(taken.is_some());
    }
    assert!(taken_over > 0, "no late answer let the second run in");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_ends_the_roll_at_once_and_names_what_is_left() {
    let platform = Slow {
        lag: seconds(4),
        renewing: |_| (Duration::ZERO, Some(ErrorKind::LockLost)),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Platform(_)), "{error}");
    assert_eq!(platform.written(), [Write::Begin]);
    assert_eq!(error.taken_out.to_string(), "Left cordoned: w-1.");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_not_renewed_lets_nothing_be_written_and_stops_the_roll_in_time() {
    let platform = Slow {
        lag: seconds(4),
        renewing: |_| (seconds(100), None),
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Unrenewed(60)), "{error}");
    let last = platform.writes.lock().unwrap().last().unwrap().0;
    assert!(last < seconds(10), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_away_is_waited_for_but_not_for_ever() {
    let passing = Slow {
        observing: |now| {
            (
                Duration::ZERO,
                (now < seconds(50)).then_some(ErrorKind::MayPass),
            )
        },
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    let lasting = Slow {
        observing: |_| (Duration::ZERO, Some(ErrorKind::MayPass)),
        ..Slow::new()
    };
    let error = run(&lasting).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::Platform(_)));
    assert!(error.taken_out.to_string().starts_with("It is not known"));
    assert!((60..75).contains(&lasting.began.elapsed().as_secs()));
    let refused = Slow {
        observing: |_| (Duration::ZERO, Some(ErrorKind::Lasting)),
        ..Slow::new()
    };
    run(&refused).await.unwrap_err();
    assert!(refused.began.elapsed() < seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_preflight_failure_that_may_pass_is_waited_for_before_anything_is_written() {
    let passing = Slow {
        unhealthy_until: seconds(40),
        ..Slow::new()
    };
    run(&passing).await.unwrap();
    assert!(passing.writes.lock().unwrap()[0].0 >= seconds(40));
    let lasting = Slow {
        unhealthy_until: seconds(1_000),
        ..Slow::new()
    };
    let error = run(&lasting).await.unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::Preflight(found) if found.len() == 1),
        "{error}"
    );
    assert_eq!(lasting.written(), []);
}

#[tokio::test(start_paused = true)]
async fn a_unit_with_a_write_that_is_never_shown_is_named_as_in_doubt() {
    let platform = Slow {
        lag: seconds(10_000),
        renewing: |now| {
            (
                Duration::ZERO,
                (now > seconds(8)).then_some(ErrorKind::LockLost),
            )
        },
        ..Slow::new()
    };
    let error = run(&platform).await.unwrap_err();
    let text = error.taken_out.to_string();
    assert!(
        text.contains("w-1 may still be cordoned: its last update was not confirmed."),
        "{text}"
    );
}

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;

fn answer(code: u16, object: &Value) -> Response<Body> {
    let body = Body::from(object.to_string().into_bytes());
    Response::builder().status(code).body(body).unwrap()
}

fn not_found() -> (u16, Value) {
    let status =
        json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"});
    (404, status)
}

/// What is answered to a request for the nodes, which carry these epochs, or for the record, which is not there.
fn other(path: &str, epochs: &[&str]) -> Option<(u16, Value)> {
    let node =
        |epoch: &&str| json!({"metadata": {"name": "w-1", "annotations": {names::EPOCH: epoch}}});
    if path.ends_with("/nodes") {
        let nodes: Vec<_> = epochs.iter().map(node).collect();
        return Some((200, json!({"metadata": {}, "items": nodes})));
    }
    path.contains("/configmaps/").then(not_found)
}

/// A Lease of `another` that says `seconds`, and whether it was written.
fn held(seconds: &Value) -> (Cluster, Arc<AtomicBool>) {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": names::LEASE, "resourceVersion": "1"},
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": seconds},
    });
    let written = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&written);
    let service = service_fn(move |request: Request<Body>| {
        if request.method() != Method::GET {
            noted.store(true, Ordering::Relaxed);
        }
        let (code, object) = match other(request.uri().path(), &[]) {
            Some(other) => other,
            None => (200, lease.clone()),
        };
        std::future::ready(Ok::<_, std::convert::Infallible>(answer(code, &object)))
    });
    (
        Cluster::new(Client::new(service, "default"), "trireme-system"),
        written,
    )
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_dead_holder_is_watched_for_its_time_and_taken_over() {
    // A server never stores one that is not positive; what one said would be no time at all.
    for (seconds, patience_s) in [
        (json!(15), 15),
        (json!(60), 60),
        (Value::Null, 10),
        (json!(0), 10),
        (json!(-5), 10),
    ] {
        let (cluster, written) = held(&seconds);
        let told = Mutex::new(None);
        let waiting = |_: LeaseWait<'_>, patience: Duration| {
            *told.lock().unwrap() = Some(patience.as_secs());
        };
        let begun = Instant::now();
        let taken = Lease::take_as(&cluster, "us", waiting).await;
        assert!(
            taken.is_ok() && written.load(Ordering::Relaxed),
            "{seconds}"
        );
        assert_eq!(*told.lock().unwrap(), Some(patience_s), "{seconds}");
        // By the paused clock.
        assert!(begun.elapsed().as_secs() >= patience_s, "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_for_a_while_or_is_deleted_is_watched_on() {
    let lease = json!({
        "metadata": {"name": names::LEASE, "resourceVersion": "1"},
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": 10, "leaseTransitions": 4},
    });
    for deleted in [false, true] {
        let server = Server::new(Some(lease.clone()));
        let broken = Arc::clone(&server.unreadable);
        let stored = Arc::clone(&server.lease);
        let waiting = move |_: LeaseWait<'_>, _| match deleted {
            true => *stored.lock().unwrap() = None,
            // More than one read is tried.
            false => *broken.lock().unwrap() = 8,
        };
        let begun = Instant::now();
        let taken = Lease::take_as(&server.cluster(), "us", waiting).await;
        taken.unwrap_or_else(|error| panic!("{error}"));
        assert!(begun.elapsed().as_secs() >= 10);
        assert_eq!(server.spec()["holderIdentity"], "us");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_good_for_years_is_neither_waited_for_nor_taken_over() {
    let (cluster, written) = held(&json!(i32::MAX));
    let taken = Lease::take_as(&cluster, "us", |_, _| ()).await;
    let said = taken.err().unwrap().to_string();
    for part in [
        "another holds Lease trireme-system/trireme-roller",
        "valid for 2147483647 s",
        "in the 60 s that it was watched",
        "set the Lease's holderIdentity",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!written.load(Ordering::Relaxed));
}

/// An API server that keeps one Lease, and what it does with the next write.
#[derive(Clone)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
    next: Arc<Mutex<Next>>,
    /// So many reads of the Lease fail.
    unreadable: Arc<Mutex<usize>>,
    /// The epochs that nodes carry.
    epochs: Arc<Mutex<Vec<&'static str>>>,
    /// The requests for the Lease.
    requests: Arc<Mutex<Vec<Method>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Answer,
    /// The write is carried out, and its answer is lost.
    LoseAnswer,
    /// The server does not carry it out and says nothing.
    Silence,
    /// It has an error of its own.
    Fail,
}

impl Server {
    fn new(lease: Option<Value>) -> Self {
        Self {
            lease: Arc::new(Mutex::new(lease)),
            next: Arc::new(Mutex::new(Next::Answer)),
            unreadable: Arc::default(),
            epochs: Arc::default(),
            requests: Arc::default(),
        }
    }

    fn cluster(&self) -> Cluster {
        let server = self.clone();
        let service = service_fn(move |request: Request<Body>| server.clone().answer(request));
        Cluster::new(Client::new(service, "default"), "trireme-system")
    }

    async fn answer(
        self,
        request: Request<Body>,
    ) -> Result<Response<Body>, std::convert::Infallible> {
        let method = request.method().clone();
        let epochs = self.epochs.lock().unwrap().clone();
        if let Some((code, object)) = other(request.uri().path(), &epochs) {
            return Ok(answer(code, &object));
        }
        self.requests.lock().unwrap().push(method.clone());
        let next = match method {
            Method::GET => Next::Answer,
            _ => std::mem::replace(&mut *self.next.lock().unwrap(), Next::Answer),
        };
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let (code, object) = match next {
            Next::Silence => std::future::pending().await,
            Next::Fail => (
                500,
                json!({"kind": "Status", "code": 500, "message": "etcd"}),
            ),
            Next::Answer | Next::LoseAnswer if method == Method::GET => self.read(),
            Next::Answer | Next::LoseAnswer => self.write(&body),
        };
        if next == Next::LoseAnswer {
            std::future::pending::<()>().await;
        }
        Ok(answer(code, &object))
    }

    fn read(&self) -> (u16, Value) {
        let mut unreadable = self.unreadable.lock().unwrap();
        if *unreadable > 0 {
            *unreadable -= 1;
            return (
                500,
                json!({"kind": "Status", "code": 500, "message": "etcd"}),
            );
        }
        let lease = self.lease.lock().unwrap().clone();
        lease.map_or_else(not_found, |lease| (200, lease))
    }

    fn write(&self, body: &[u8]) -> (u16, Value) {
        let mut written: Value = serde_json::from_slice(body).unwrap();
        let mut lease = self.lease.lock().unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        let now = lease.as_ref().map_or(Value::Null, version);
        if version(&written) != now {
            return (
                409,
                json!({"kind": "Status", "code": 409, "reason": "Conflict", "message": "modified"}),
            );
        }
        let next = now
            .as_str()
            .map_or(1, |now| now.parse::<u64>().unwrap() + 1);
        written["metadata"]["resourceVersion"] = json!(next.to_string());
        *lease = Some(written.clone());
        (200, written)
    }

    fn spec(&self) -> Value {
        self.lease.lock().unwrap().as_ref().unwrap()["spec"].clone()
    }

    fn will(&self, next: Next) {
        *self.next.lock().unwrap() = next;
    }
}

async fn taken(server: &Server) -> Lease {
    let taken = Lease::take_as(&server.cluster(), "us", |_, _| ()).await;
    taken.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(start_paused = true)]
async fn every_run_that_takes_the_lease_has_a_higher_epoch() {
    let server = Server::new(None);
    for epoch in 1..4 {
        let lease = taken(&server).await;
        assert_eq!(lease.epoch(), epoch);
        assert_eq!(server.spec()["leaseTransitions"], json!(epoch));
        assert_eq!(server.spec()["holderIdentity"], "us");
        lease.release().await.unwrap();
        assert_eq!(server.spec()["holderIdentity"], "");
    }
}

#[tokio::test(start_paused = true)]
async fn an_epoch_does_not_go_back_when_the_lease_was_deleted() {
    let server = Server::new(None);
    *server.epochs.lock().unwrap() = vec!["3", "12", "7"];
    let waited = Mutex::new(None);
    let waiting =
        |what: LeaseWait<'_>, _| *waited.lock().unwrap() = Some(what == LeaseWait::Deleted);
    let begun = Instant::now();
    let lease = Lease::take_as(&server.cluster(), "us", waiting).await;
    let lease = lease.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lease.epoch(), 13);
    assert_eq!(server.spec()["leaseTransitions"], json!(13));
    // A run that held it still writes for that time at most. By the paused clock.
    assert_eq!(*waited.lock().unwrap(), Some(true));
    assert!(begun.elapsed() >= LEASE_DURATION);
    lease.release().await.unwrap();
    // The same when a person has set its counter back. No run holds the Lease, so there is nothing to wait for.
    server.lease.lock().unwrap().as_mut().unwrap()["spec"]["leaseTransitions"] = json!(2);
    let begun = Instant::now();
    assert_eq!(taken(&server).await.epoch(), 13);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_no_next_one_follows_is_refused() {
    for (transitions, epoch) in [(i64::from(i32::MAX), "1"), (1, "2147483647"), (1, "many")] {
        let spec = json!({"leaseTransitions": transitions});
        let lease = json!({"metadata": {"resourceVersion": "1"}, "spec": spec});
        let server = Server::new(Some(lease));
        *server.epochs.lock().unwrap() = vec![epoch];
        let taken = Lease::take_as(&server.cluster(), "us", |_, _| ()).await;
        assert!(
            matches!(taken, Err(Error::Malformed { .. })),
            "{transitions} {epoch}"
        );
        assert_eq!(server.spec()["holderIdentity"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_one_request_and_keeps_the_epoch() {
    let server = Server::new(None);
    let lease = taken(&server).await;
    server.requests.lock().unwrap().clear();
    tokio::time::advance(Duration::from_secs(3)).await;
    let now = Instant::now();
    lease.renew().await.unwrap();
    assert_eq!(lease.renewed_at(), now);
    assert_eq!(*server.requests.lock().unwrap(), [Method::PUT]);
    assert_eq!(server.spec()["leaseTransitions"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_not_answered_ends_after_half_the_duration() {
    let server = Server::new(None);
    let lease = taken(&server).await;
    server.will(Next::Silence);
    let (begun, renewed_at) = (Instant::now(), lease.renewed_at());
    let error = lease.renew().await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert_eq!(lease.renewed_at(), renewed_at);
    // By the paused clock.
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_after_one_whose_answer_was_lost_succeeds() {
    let server = Server::new(None);
    let lease = taken(&server).await;
    server.will(Next::LoseAnswer);
    assert!(lease.renew().await.is_err());
    lease.renew().await.unwrap();
    // It was dropped by who asked: the same.
    server.will(Next::LoseAnswer);
    let dropped = timeout(Duration::from_secs(1), lease.renew()).await;
    assert!(dropped.is_err());
    lease.renew().await.unwrap();
    lease.release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_server_does_not_lose_the_lease() {
    let server = Server::new(None);
    let lease = taken(&server).await;
    server.will(Next::Fail);
    assert!(lease.renew().await.unwrap_err().may_pass());
    lease.renew().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_another_holder_or_another_epoch_is_lost() {
    for (key, value) in [
        ("holderIdentity", json!("another")),
        ("holderIdentity", json!("")),
        // A run of the same name: it took the Lease after us.
        ("leaseTransitions", json!(2)),
    ] {
        let server = Server::new(None);
        let lease = taken(&server).await;
        {
            let mut stored = server.lease.lock().unwrap();
            let stored = stored.as_mut().unwrap();
            stored["spec"][key] = value.clone();
            stored["metadata"]["resourceVersion"] = json!("9");
        }
        let error = lease.renew().await.unwrap_err();
        assert!(matches!(error, Error::Lost { .. }), "{value}: {error}");
        assert!(matches!(lease.release().await, Err(Error::Lost { .. })));
        assert_eq!(server.spec()[key], value);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_deleted_is_lost() {
    let server = Server::new(None);
    let lease = taken(&server).await;
    *server.lease.lock().unwrap() = None;
    assert!(matches!(lease.renew().await, Err(Error::Lost { .. })));
    assert!(server.lease.lock().unwrap().is_none());
}

use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::{debug, error, info, info_span, trace, warn};

use super::*;
use crate::redact::{self, MASK};

/// What `say` says, with debug lines or without.
fn said(debug: bool, say: impl FnOnce()) -> String {
    let lines = capture(debug);
    say();
    lines.text()
}

/// An error with a cause.
#[derive(Debug)]
struct Failed(String, Option<Box<Self>>);

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

fn failed(texts: &[&str]) -> Failed {
    let (first, causes) = texts.split_first().unwrap();
    let cause = (!causes.is_empty()).then(|| Box::new(failed(causes)));
    Failed((*first).to_owned(), cause)
}

#[test]
fn an_event_is_a_line_of_object_and_message() {
    let node = "w-3";
    let text = said(false, || {
        info!(object = %format_args!("node {node}"), "evicting {} pods", 12);
        info!(object = "node w-3", done = true, "is upgraded");
        warn!(object = node, budget = "shop/web", allowed = 0, "waits");
        error!(object = ?node, paused = true, "stops");
    });
    assert_eq!(
        text,
        "node w-3: evicting 12 pods\nnode w-3: is upgraded\nw-3: waits budget=shop/web allowed=0\n\"w-3\": stops paused=true\n"
    );
}

#[test]
fn an_error_is_shown_with_its_causes_and_each_text_once() {
    let failed = failed(&["cannot write", "disk", "disk", "full"]);
    let failed: &(dyn Error + 'static) = &failed;
    let text = said(false, || {
        error!(object = "error", error = failed);
        warn!(object = "record", error = failed, "is kept");
        warn!(object = "record", first = failed, "is kept");
    });
    let causes = "disk\n  because: full";
    assert_eq!(
        text,
        format!(
            "error: cannot write\n  because: {causes}\nrecord: is kept\n  because: cannot write\n  because: {causes}\n\
             record: is kept first=cannot write: disk: full\n"
        )
    );
}

#[test]
fn an_event_without_object_is_about_the_innermost_span_that_has_one() {
    let text = said(false, || {
        info!("alone");
        let roll = info_span!("roll", object = "roll 1");
        let _in_roll = roll.enter();
        let node = info_span!("node", object = tracing::field::Empty, zone = "a");
        node.in_scope(|| info!("begins"));
        node.record("object", "node w-1");
        let _in_node = node.enter();
        info_span!("pod").in_scope(|| info!("leaves"));
        info!(object = "lease", "renewed");
    });
    assert_eq!(
        text,
        "trireme_protocol: alone\nroll 1: begins\nnode w-1: leaves\nlease: renewed\n"
    );
}

#[test]
fn debug_lines_are_shown_only_where_they_are_asked_for() {
    let say = || {
        trace!("never");
        debug!(object = "a", "debug");
        info!(object = "a", "info");
    };
    assert_eq!(said(false, say), "a: info\n");
    assert_eq!(said(true, say), "a: debug\na: info\n");
}

#[test]
fn the_switch_may_be_turned_after_an_event_was_seen() {
    let lines = capture(false);
    let say = || debug!(object = "a", "debug");
    say();
    assert_eq!(lines.text(), "");
    lines.debug_switch().set(true);
    say();
    assert_eq!(lines.text(), "a: debug\n");
    lines.debug_switch().set(false);
    say();
    assert_eq!(lines.text(), "a: debug\n");
}

/// Steps of two pipelines in one process: each with its own `debug`.
#[test]
fn a_line_of_one_step_does_not_follow_the_debug_of_another() {
    let steps = [true, false, true, false].map(|verbose| {
        std::thread::spawn(move || {
            said(verbose, || {
                for _ in 0..100 {
                    debug!(object = verbose, "debug");
                }
            })
        })
    });
    let [first, second, third, fourth] = steps.map(|step| step.join().unwrap());
    assert_eq!(first, "true: debug\n".repeat(100));
    assert_eq!((&first, second.as_str()), (&third, ""));
    assert_eq!(fourth, "");
}

#[test]
fn crates_that_are_not_ours_are_shown_in_debug_mode_from_warnings_on() {
    let say = || {
        error!(target: "kube_client::client::builder", "failed with status 503");
        warn!(target: "kube_runtime::watcher", "relist");
        info!(target: "h2::codec", "frame");
        debug!(target: "hyper_util::client", "pooling");
        let span = info_span!(target: "kube_client", "request", object = "HTTP");
        span.in_scope(|| info!("ours"));
    };
    assert_eq!(said(false, say), "trireme_protocol: ours\n");
    assert_eq!(
        said(true, say),
        "kube_client: failed with status 503\nkube_runtime: relist\ntrireme_protocol: ours\n"
    );
}

#[test]
fn a_request_is_a_debug_line_of_its_fields() {
    let request = |status: Option<u16>, attempt: u32| {
        debug!(target: REQUEST, object = "request", method = "GET", url = "https://r/v2/", status, milliseconds = 7, attempt);
    };
    let say = || {
        request(Some(200), 1);
        request(None, 2);
    };
    assert_eq!(said(false, say), "");
    assert_eq!(
        said(true, say),
        "request: GET https://r/v2/ 200 7 ms\nrequest: GET https://r/v2/ no answer 7 ms (attempt 2)\n"
    );
}

#[test]
fn a_line_has_the_colour_of_its_level() {
    let line = |level, done| {
        let (object, message) = ("node".to_owned(), "text".to_owned());
        let line = Line {
            level,
            target: "trireme",
            object,
            message,
            done,
        };
        assert_eq!(line.shown(false), "node: text\n");
        line.shown(true)
    };
    let shown = |code: &str| format!("\u{1b}[1mnode\u{1b}[0m: \u{1b}[{code}mtext\u{1b}[0m\n");
    assert_eq!(line(Level::ERROR, false), shown("31"));
    assert_eq!(line(Level::WARN, false), shown("33"));
    assert_eq!(line(Level::INFO, true), shown("32"));
    assert_eq!(line(Level::DEBUG, false), shown("2"));
    assert_eq!(line(Level::INFO, false), "\u{1b}[1mnode\u{1b}[0m: text\n");
}

/// Says `text` in every way in which an event can.
fn say_everywhere(text: &str) {
    #[derive(Debug)]
    struct Quoted<'t> {
        #[allow(dead_code, reason = "read by `Debug`")]
        within: Vec<&'t str>,
    }
    let quoted = Quoted { within: vec![text] };
    let failed = failed(&["one", text, "three"]);
    let failed: &(dyn Error + 'static) = &failed;
    info!(object = "canary", "{text}");
    info!(object = text, "an object");
    warn!(object = %text, "an object");
    info!(object = "canary", value = text, shown = %text, quoted = ?quoted, "fields");
    debug!(object = "canary", "{quoted:?} and {quoted:#?}");
    error!(object = "canary", error = failed);
    error!(object = "canary", another = failed, "fields");
    debug!(target: REQUEST, object = "request", method = "GET", url = text, status = 200, milliseconds = 1, attempt = 1);
    error!(target: "kube_client", error = text, "failed with {text}");
    let span = info_span!("span", object = text, value = text);
    span.in_scope(|| info!("in a span"));
    span.record("value", text);
}

#[test]
fn no_field_of_an_event_or_span_shows_a_secret() {
    for secret in [
        "ca\"na/%+7Qx!k@tz'0",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH",
    ] {
        redact::register_secret(secret);
        let lines = |text: &str| -> Vec<String> {
            let pieces = text.as_bytes().chunks(9);
            pieces
                .map(|piece| String::from_utf8_lossy(piece).into_owned())
                .collect()
        };
        let encoded = STANDARD.encode(format!("robot:{secret}"));
        let url = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        for (form, pieces) in [
            (secret.to_owned(), lines(secret)),
            (encoded.clone(), lines(&encoded)),
            (format!("https://u:{url}@host/"), vec![url]),
        ] {
            for text in [form, pieces.join("\n"), pieces.join("\r\n  ")] {
                let seen = said(true, || say_everywhere(&text));
                // Every way of saying it was shown, and masked.
                assert!(seen.matches(MASK).count() >= 14, "{seen}");
                for piece in pieces.iter().filter(|piece| piece.len() > 8) {
                    // What comes before the secret in the encoded text is no secret.
                    let is_secret = !piece.starts_with("cm9ib3Q6");
                    assert!(!(is_secret && seen.contains(piece)), "{piece} in {seen}");
                }
            }
        }
    }
}

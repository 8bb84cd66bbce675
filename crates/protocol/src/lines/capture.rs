//! The lines of one test.

use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use super::{DebugSwitch, Format, Line, LineLayer};

/// Takes in what the code under test says on this thread, without colours, until it is dropped.
///
/// If the code under test starts tasks on other threads, give them the subscriber too
/// (`tracing::instrument::WithSubscriber::with_current_subscriber`).
pub fn capture(debug: bool) -> Capture {
    capture_as(Line::shown, debug)
}

/// The same, each line as `format` shows it.
pub fn capture_as(format: Format, debug: bool) -> Capture {
    // `tracing` caches whether an event is wanted. It asks the thread that comes to the event first, which may belong to a
    // test that captures nothing. A subscriber of all threads keeps that answer from being "never".
    static FOR_ALL_THREADS: Once = Once::new();
    FOR_ALL_THREADS.call_once(|| LineLayer::new(false, |_| ()).install());
    let text: Arc<Mutex<String>> = Arc::default();
    let sink = Arc::clone(&text);
    let layer = LineLayer::new(false, move |line| {
        let mut text = sink.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
    })
    .format(format);
    let switch = layer.debug_switch();
    switch.set(debug);
    let guard = set_default(Registry::default().with(layer));
    Capture {
        text,
        switch,
        _guard: guard,
    }
}

/// The lines of one test: see [`capture`].
pub struct Capture {
    text: Arc<Mutex<String>>,
    switch: DebugSwitch,
    _guard: DefaultGuard,
}

impl Capture {
    /// All of them.
    pub fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }

    /// Turns debug lines on and off.
    pub fn debug_switch(&self) -> &DebugSwitch {
        &self.switch
    }

    /// One by one.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

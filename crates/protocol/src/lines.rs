//! Lines for people: each event of [`tracing`] is one line on standard error, without secrets.
//!
//! Code that has something to say uses the macros of `tracing`, e.g. `info!(object = %title, "evicting {count} pods")`, which
//! is shown as `node w-3: evicting 12 pods`. The fields of an event:
//!
//! | field | means |
//! | --- | --- |
//! | `object` | what the line is about; stands before the colon. An event without it is about the `object` of the innermost span that has one, else about the crate that it comes from. |
//! | the message | what happened |
//! | `done = true` | the object has reached what was wanted (green) |
//! | `error` | an error, with its causes: `error = &error as &dyn std::error::Error` |
//! | any other | `name=value`, after the message |
//!
//! Levels: `error!` ends the step (red), `warn!` needs a person's eye (yellow), `info!` is a line for everybody, and `debug!` is
//! shown with `debug: true` in the source only (dimmed). `trace!` is never shown. An event with the target [`REQUEST`] is one
//! request: its fields `method`, `url`, `status` (absent: no answer came), `milliseconds` and `attempt` make the line.
//!
//! Crates that are not ours (the HTTP and Kubernetes clients) are shown with `debug: true`, from `warn!` on.
//!
//! **Invariant:** [`LineLayer`] is the only subscriber of a program, and all that it writes has passed [`crate::redact`].

mod capture;
mod fields;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use owo_colors::{OwoColorize, Style};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

pub use capture::{Capture, capture, capture_as};
use fields::Fields;

/// The target of an event that tells of one request.
pub const REQUEST: &str = "trireme::request";

/// One line, before it gets colours. Its texts have passed the redactor.
#[derive(Clone, Debug)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// The target of its event.
    pub target: &'static str,
    /// What it is about.
    pub object: String,
    /// What happened.
    pub message: String,
    /// Whether the object has reached what was wanted.
    pub done: bool,
}

impl Line {
    /// The line as people see it: `object: message`, in colour or without, and its end.
    pub fn shown(&self, colour: bool) -> String {
        let Self {
            object, message, ..
        } = self;
        match colour {
            true => format!("{}: {}\n", object.bold(), message.style(self.style())),
            false => format!("{object}: {message}\n"),
        }
    }

    fn style(&self) -> Style {
        match self.level {
            Level::ERROR => Style::new().red(),
            Level::WARN => Style::new().yellow(),
            Level::INFO if self.done => Style::new().green(),
            Level::INFO => Style::new(),
            _ => Style::new().dimmed(),
        }
    }
}

/// How a line becomes text; the second argument is whether it may have colours.
pub type Format = fn(&Line, bool) -> String;

/// Where the text of a line goes.
type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// The layer that makes lines out of events.
pub struct LineLayer {
    sink: Sink,
    format: Format,
    colour: bool,
    debug: DebugSwitch,
}

/// Whether a [`LineLayer`] shows debug lines: known only after the layer has begun to work, when the source was read.
#[derive(Clone, Debug, Default)]
pub struct DebugSwitch(Arc<AtomicBool>);

impl DebugSwitch {
    /// Shows debug lines from now on, or no longer.
    pub fn set(&self, shown: bool) {
        self.0.store(shown, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl LineLayer {
    /// Lines on standard error.
    pub fn to_stderr(colour: bool) -> Self {
        Self::new(colour, |line| {
            // One write, so that lines of parallel tasks do not mix. A stream that is gone (a closed pipe) stops no step.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        })
    }

    /// Lines that go to `sink`.
    pub fn new(colour: bool, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            sink: Box::new(sink),
            format: Line::shown,
            colour,
            debug: DebugSwitch::default(),
        }
    }

    /// Shows lines in another form than [`Line::shown`].
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Turns debug lines on and off; they are off at first.
    pub fn debug_switch(&self) -> DebugSwitch {
        self.debug.clone()
    }

    /// Takes in the lines of the whole program. The first layer that is installed stays.
    pub fn install(self) {
        let _ = set_global_default(Registry::default().with(self));
    }

    /// Whether events with this metadata are shown while debug lines are shown or not.
    fn shows(metadata: &Metadata<'_>, debug: bool) -> bool {
        let least = match (is_ours(metadata), debug) {
            (true, true) => LevelFilter::DEBUG,
            (true, false) if metadata.is_span() => LevelFilter::DEBUG,
            (true, false) => LevelFilter::INFO,
            (false, true) if metadata.is_event() => LevelFilter::WARN,
            (false, _) => LevelFilter::OFF,
        };
        *metadata.level() <= least
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("trireme")
}

/// The `object` of a span.
struct SpanObject(String);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for LineLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Never `always`: the switch may be turned later.
        match Self::shows(metadata, true) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        Self::shows(metadata, self.debug.is_on())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        keep_object(Fields::of(|fields| attributes.record(fields)), id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        keep_object(Fields::of(|fields| values.record(fields)), id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::of(|fields| event.record(fields));
        fields.object = fields.object.or_else(|| object_of_span(event, &context));
        let line = fields.line(event.metadata());
        (self.sink)(&(self.format)(&line, self.colour));
    }
}

fn keep_object<S>(fields: Fields, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if let (Some(object), Some(span)) = (fields.object, context.span(id)) {
        span.extensions_mut().replace(SpanObject(object));
    }
}

fn object_of_span<S>(event: &Event<'_>, context: &Context<'_, S>) -> Option<String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut spans = context.event_scope(event)?;
    spans.find_map(|span| {
        let extensions = span.extensions();
        extensions.get().map(|SpanObject(object)| object.clone())
    })
}

/// Whether a resource writes colours: without a terminal too, since Concourse shows them, unless `NO_COLOR` has a value.
pub(crate) fn colour_is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
#[allow(
    clippy::cognitive_complexity,
    reason = "the expansion of each macro of tracing counts"
)]
mod tests;

//! When a `time` resource has a new version, by the rules of `models/models.go` and `lord/time_lord.go` of time-resource.

use crate::pipeline::{Fields, parse_duration};
use crate::problem::Problems;
use crate::vars;
use crate::yaml::Node;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// The source of a `time` resource.
pub(super) struct Schedule {
    interval: Option<SignedDuration>,
    start: Option<Time>,
    stop: Option<Time>,
    days: Vec<Weekday>,
    zone: TimeZone,
    start_after: Option<DateTime>,
    /// Whether the first check gives a version whatever the window is.
    pub initial_version: bool,
}

impl Schedule {
    /// Reads a source; what is still a reference counts as absent.
    pub fn read(source: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::in_step(source, context, problems);
        let interval = parsed(
            &mut fields,
            "interval",
            "a duration such as 10m or 24h",
            interval,
        );
        let clock = "a time of day such as 8:00 PM, 20:00 or 2000";
        let start = parsed(&mut fields, "start", clock, time_of_day);
        let stop = parsed(&mut fields, "stop", clock, time_of_day);
        for (one, other) in [("start", "stop"), ("stop", "start")] {
            if fields.has(one) && !fields.has(other) {
                fields.error(
                    fields.place(one),
                    &format!("`{one}` needs `{other}` beside it"),
                );
            }
        }
        let zone = "a time zone such as Europe/Berlin";
        let zone = parsed(&mut fields, "location", zone, |name| {
            TimeZone::get(name).ok()
        });
        let moment = "a date, or a date and time such as 2026-01-31T08:00";
        let schedule = Self {
            interval,
            start,
            stop,
            days: days(&mut fields),
            zone: zone.unwrap_or(TimeZone::UTC),
            start_after: parsed(&mut fields, "start_after", moment, date_and_time),
            initial_version: fields.flag("initial_version"),
        };
        fields.finish_inside();
        schedule
    }

    /// Whether the present is a new version after the last one.
    pub fn is_due(&self, last: Option<Timestamp>, now: Timestamp) -> Result<bool, jiff::Error> {
        let here = now.to_zoned(self.zone.clone());
        let (start, stop) = self.window(&here)?;
        let is_day = self.days.is_empty() || self.days.contains(&here.weekday());
        if !is_day || here < start || here >= stop || !self.has_begun(&here)? {
            return Ok(false);
        }
        Ok(match (last, self.interval) {
            (None, _) => true,
            (Some(last), Some(interval)) => now.duration_since(last) >= interval,
            (Some(last), None) => last < start.timestamp(),
        })
    }

    fn has_begun(&self, here: &Zoned) -> Result<bool, jiff::Error> {
        match self.start_after {
            None => Ok(true),
            Some(moment) => Ok(moment.to_zoned(self.zone.clone())? < *here),
        }
    }

    /// The window that opened last: without `start` and `stop` the whole day.
    fn window(&self, here: &Zoned) -> Result<(Zoned, Zoned), jiff::Error> {
        let at = |day: jiff::civil::Date, time: Option<Time>| {
            let time = time.unwrap_or(Time::midnight());
            day.to_datetime(time).to_zoned(self.zone.clone())
        };
        let mut day = here.date();
        if at(day, self.start)? > *here {
            day = day.yesterday()?;
        }
        let start = at(day, self.start)?;
        let stop = at(day, self.stop)?;
        if stop > start {
            return Ok((start, stop));
        }
        Ok((start, at(day.tomorrow()?, self.stop)?))
    }
}

/// The value of a key that has a form of its own.
fn parsed<T>(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    form: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let name = fields.string(key)?;
    let value = parse(&name.text);
    if value.is_none() && vars::references(&name.text).is_empty() {
        fields.error(
            name.at,
            &format!("`{key}` must be {form}, not `{}`", name.text),
        );
    }
    value
}

fn interval(text: &str) -> Option<SignedDuration> {
    SignedDuration::try_from(parse_duration(text)?).ok()
}

fn days(fields: &mut Fields<'_, '_>) -> Vec<Weekday> {
    let mut found = Vec::new();
    for day in fields.strings("days") {
        match weekday(&day.text) {
            Some(weekday) => found.push(weekday),
            None if vars::references(&day.text).is_empty() => fields.error(
                day.at,
                &format!(
                    "`days`: `{}` is no day of the week, such as Monday",
                    day.text
                ),
            ),
            None => {}
        }
    }
    found
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.to_lowercase().as_str() {
        "sun" | "sunday" => Weekday::Sunday,
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        _ => return None,
    })
}

/// A time of day; one with an offset (`8:00 PM -0700`) is brought to UTC.
fn time_of_day(text: &str) -> Option<Time> {
    const FORMS: [&str; 5] = ["%I:%M %p", "%I%p", "%I %p", "%H:%M", "%H%M"];
    FORMS.into_iter().find_map(|form| {
        if let Ok(plain) = strtime::parse(form, text) {
            return plain.to_time().ok();
        }
        let with_offset = strtime::parse(format!("{form} %z"), text).ok()?;
        let offset = i64::from(with_offset.offset()?.seconds());
        let time = with_offset.to_time().ok()?;
        Some(time.wrapping_sub(SignedDuration::from_secs(offset)))
    })
}

fn date_and_time(text: &str) -> Option<DateTime> {
    const FORMS: [&str; 5] = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H",
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M:%S",
    ];
    let parsed = FORMS
        .into_iter()
        .find_map(|form| strtime::parse(form, text).ok())?;
    let time = parsed.to_time().unwrap_or(Time::midnight());
    Some(parsed.to_date().ok()?.to_datetime(time))
}

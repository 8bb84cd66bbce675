//! Answers that go on: the lines of a watch.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::world::{Caller, DEADLINE, TRIES};

impl Caller {
    /// The status code and the first lines of an answer that goes on, or all lines of one that ends before.
    pub async fn lines(&self, path: &str, count: usize) -> (u16, Vec<Value>) {
        let enough = |lines: &[Value]| lines.len() >= count;
        let (code, mut lines) = self.lines_until(path, enough).await;
        lines.truncate(count);
        (code, lines)
    }

    /// The status code and the lines of an answer that goes on, until there are enough of them or it ends. A watch that a busy
    /// server ended before its time is begun again where it began.
    pub async fn lines_until(
        &self,
        path: &str,
        enough: impl Fn(&[Value]) -> bool,
    ) -> (u16, Vec<Value>) {
        for _ in 0..TRIES {
            let begun = Instant::now();
            let read = self.try_lines(path, &enough).await;
            let is_over = begun.elapsed() > asked_for(path).mul_f64(0.9);
            if let Some((code, lines)) = read
                && (code >= 300 || enough(&lines) || is_over)
            {
                return (code, lines);
            }
        }
        panic!("{path} never lasted");
    }

    /// `None` when the server was too busy to begin.
    async fn try_lines(
        &self,
        path: &str,
        enough: impl Fn(&[Value]) -> bool,
    ) -> Option<(u16, Vec<Value>)> {
        let request = http::Request::get(path).body(Vec::new().into());
        let request = request.expect("a request");
        let response = self.0.send(request).await.ok()?;
        let code = response.status().as_u16();
        if [429, 500, 504].contains(&code) {
            return None;
        }
        let mut body = response.into_body();
        let (mut bytes, mut lines) = (Vec::new(), Vec::new());
        while !enough(&lines) {
            let frame = timeout(DEADLINE, body.frame()).await;
            let Some(frame) = frame.expect("the next line comes in time") else {
                break;
            };
            let frame = frame.expect("a line that arrives whole");
            bytes.extend(frame.into_data().unwrap_or_default());
            while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = bytes.drain(..=end).collect();
                lines.push(serde_json::from_slice(&line).expect("JSON"));
            }
        }
        Some((code, lines))
    }
}

/// How long a watch is to last.
fn asked_for(path: &str) -> Duration {
    let asked = path.split(['?', '&']);
    let mut seconds = asked.filter_map(|part| part.strip_prefix("timeoutSeconds=")?.parse().ok());
    Duration::from_secs(seconds.next().expect("every watch has an end"))
}

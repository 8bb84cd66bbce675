//! A server process that says where it listens and dies with its value.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use crate::PeerError;

/// How long a server may take to say where it listens. The slowest here needs 0.2 s on an idle machine.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts `command` and waits until `listening` finds the port in a line that it writes to standard error.
    ///
    /// # Errors
    /// [`PeerError::Start`] when it does not start, [`PeerError::NotReady`] when it never says its port.
    pub fn start(
        name: &str,
        mut command: Command,
        listening: fn(&str) -> Option<u16>,
    ) -> Result<Self, PeerError> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| PeerError::Start {
            name: name.into(),
            source,
        })?;
        let lines = child.stderr.take().map(follow);
        let mut server = Self {
            child,
            address: String::new(),
        };
        let port = lines.map_or(Err(String::new()), |lines| await_port(&lines, listening));
        let port = port.map_err(|log| PeerError::NotReady {
            name: name.into(),
            log,
        })?;
        server.address = format!("127.0.0.1:{port}");
        Ok(server)
    }

    /// Where it listens, `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the stream to its end in a thread, so that the server never blocks on a full pipe.
fn follow(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver): (Sender<String>, _) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            // After the port was found nobody listens; the pipe is drained all the same.
            let _ = sender.send(line);
        }
    });
    receiver
}

fn await_port(lines: &Receiver<String>, listening: fn(&str) -> Option<u16>) -> Result<u16, String> {
    let deadline = Instant::now() + START_DEADLINE;
    let mut log = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(port) = listening(&line) {
                    return Ok(port);
                }
                log.push_str(&line);
                log.push('\n');
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(log),
        }
    }
}

//! A server that answers badly.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How long a program may take to ask, on a machine that does much else.
const ASKED_WITHIN: Duration = Duration::from_secs(120);

/// What the token service gives to everybody.
pub(super) const TOKEN: &str = "eyJ0b2tlbi5vZg.dGhlK3NlcnZpY2U_-42.c2lnbmF0dXJl";

/// The server, on a free port of loopback; its threads end with the test.
pub(super) struct Site {
    address: SocketAddr,
    told: Arc<Mutex<String>>,
    asked: mpsc::Receiver<()>,
}

impl Site {
    /// Takes every connection and never answers.
    pub fn silent() -> Self {
        Self::start(|connection, _| std::mem::forget(connection))
    }

    /// Wants a password, and answers 403 with everything that it was told, passwords as they are and as they came.
    pub fn telling() -> Self {
        Self::start(tell)
    }

    /// The same, a registry that wants the [`TOKEN`] of a service, its own.
    pub fn with_tokens() -> Self {
        Self::start(give_token_or_tell)
    }

    fn start(answer: fn(TcpStream, &Mutex<String>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let told = Arc::<Mutex<String>>::default();
        let (sender, asked) = mpsc::channel();
        let heard = Arc::clone(&told);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A test that is over does not listen any more.
                let _ = sender.send(());
                let heard = Arc::clone(&heard);
                thread::spawn(move || answer(connection, &heard));
            }
        });
        Self {
            address,
            told,
            asked,
        }
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns once somebody has connected.
    pub fn wait_for_a_question(&self) {
        let asked = self.asked.recv_timeout(ASKED_WITHIN);
        asked.expect("the program asks the server");
    }

    /// Whether somebody told it this, in a header or as a password.
    pub fn heard(&self, words: &str) -> bool {
        self.told.lock().expect("no panic before").contains(words)
    }
}

fn tell(mut connection: TcpStream, told: &Mutex<String>) {
    if let Some(request) = head(&mut connection) {
        repeat(connection, &request, "Basic", told);
    }
}

fn give_token_or_tell(mut connection: TcpStream, told: &Mutex<String>) {
    let Some(request) = head(&mut connection) else {
        return;
    };
    if request.starts_with("GET /token") {
        send(connection, "200 OK", &format!(r#"{{"token": "{TOKEN}"}}"#));
        return;
    }
    let host = request.lines().find_map(|line| line.strip_prefix("host: "));
    let challenge = format!(
        r#"Bearer realm="http://{}/token""#,
        host.unwrap_or_default()
    );
    repeat(connection, &request, &challenge, told);
}

fn repeat(connection: TcpStream, request: &str, challenge: &str, told: &Mutex<String>) {
    let credentials: Vec<&str> = request.lines().filter_map(credentials).collect();
    let decoded = credentials.iter().filter_map(|text| decode(text));
    let wrapped = credentials.iter().map(|text| {
        let (start, end) = text.split_at(text.len() / 2);
        format!("{start}\n{end}")
    });
    let words: Vec<String> = decoded.chain(wrapped).chain([request.into()]).collect();
    let body = words.join(" ");
    told.lock().expect("no panic before").push_str(&body);
    // A registry is asked without credentials first, and with HEAD, whose answer has no words to repeat.
    let status = match (request.contains(" /v2/"), request.starts_with("HEAD ")) {
        (true, _) if credentials.is_empty() => {
            format!("401 Unauthorized\r\nwww-authenticate: {challenge}")
        }
        (_, true) => "200 OK".into(),
        _ => "403 Forbidden".into(),
    };
    send(connection, &status, &body);
}

fn send(mut connection: TcpStream, status: &str, body: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{body}");
    // Who has heard enough hangs up.
    let _ = connection.write_all(answer.as_bytes());
}

/// The first line and the headers of a request.
fn head(connection: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    String::from_utf8(request).ok()
}

/// What a header `Authorization: SCHEME CREDENTIALS`, or one for a proxy, holds.
fn credentials(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(": ")?;
    let is_about_us = name.to_ascii_lowercase().ends_with("authorization");
    is_about_us.then_some(value)?.split(' ').nth(1)
}

/// The password behind Basic credentials.
fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

//! A front before an honest server on loopback that makes its answers wrong, in the ways in which registries and what
//! stands before them fail.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// How answers are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Every answer is 401, and nobody says where a token could be had.
    Unauthorized,
    /// Every answer is 429, to be asked again later than any step waits.
    Busy,
    /// Every answer is 500.
    Broken,
    /// Every answer is a page for people.
    Page,
    /// What is asked for by its digest has one byte changed, and what is stored gets another digest.
    Digest,
    /// Every blob ends in its middle, and the connection with it.
    HalfBlob,
    /// Connections are closed without an answer.
    Closed,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unauthorized,
        Self::Busy,
        Self::Broken,
        Self::Page,
        Self::Digest,
        Self::HalfBlob,
        Self::Closed,
    ];
    /// Those that a reader meets who asks for no content.
    pub const WITHOUT_CONTENT: [Self; 5] = [
        Self::Unauthorized,
        Self::Busy,
        Self::Broken,
        Self::Page,
        Self::Closed,
    ];

    /// What an error about it must say.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unauthorized => "401",
            Self::Busy => "429",
            Self::Broken => "500",
            Self::Page => "HTML",
            Self::Digest => "digest",
            Self::HalfBlob => "broke off",
            Self::Closed => "no answer",
        }
    }
}

/// The front; it ends with the test's process.
pub struct Front {
    address: SocketAddr,
}

/// When the answers become wrong, and where.
struct Plan {
    server: String,
    wrong: Wrong,
    /// In every path that holds this.
    path: &'static str,
    /// Set from the start, or once a manifest was stored.
    holds: AtomicBool,
}

impl Front {
    /// Wrong from the start and everywhere. `server` is `HOST:PORT`.
    pub fn new(server: &str, wrong: Wrong) -> Self {
        Self::start(server, wrong, "", true)
    }

    /// Wrong where the path holds `path`.
    pub fn on(server: &str, path: &'static str, wrong: Wrong) -> Self {
        Self::start(server, wrong, path, true)
    }

    /// Wrong once a manifest was stored.
    pub fn after_a_push(server: &str, wrong: Wrong) -> Self {
        Self::start(server, wrong, "", false)
    }

    fn start(server: &str, wrong: Wrong, path: &'static str, holds: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let plan = Arc::new(Plan {
            server: server.to_owned(),
            wrong,
            path,
            holds: AtomicBool::new(holds),
        });
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let plan = Arc::clone(&plan);
                // Who has heard enough hangs up.
                thread::spawn(move || drop(plan.serve(connection)));
            }
        });
        Self { address }
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
}

/// The first line and the headers, and what follows them.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Plan {
    /// One request for each connection.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = Message::read(&mut client)?;
        let is_wrong = self.holds.load(Ordering::SeqCst) && request.path().contains(self.path);
        let answer = match self.wrong {
            _ if !is_wrong => self.forward(&request)?,
            Wrong::Closed => return Ok(()),
            Wrong::Unauthorized => page("401 Unauthorized", "text/plain", "no"),
            Wrong::Busy => page(
                "429 Too Many Requests\r\nretry-after: 7200",
                "text/plain",
                "later",
            ),
            Wrong::Broken => page("500 Internal Server Error", "text/plain", "oops"),
            Wrong::Page => page("200 OK", "text/html", "<html>Please log in</html>"),
            Wrong::Digest => changed(&request, self.forward(&request)?),
            Wrong::HalfBlob => halved(&request, self.forward(&request)?),
        };
        if request.head.starts_with("PUT ") && request.path().contains("/manifests/") {
            self.holds.store(true, Ordering::SeqCst);
        }
        let sends_body = !request.head.starts_with("HEAD ");
        client.write_all(answer.head.as_bytes())?;
        client.write_all(if sends_body { &answer.body } else { &[] })
    }

    fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut server = TcpStream::connect(&self.server)?;
        let lines = request.head.trim_end().lines();
        let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let head: Vec<&str> = lines.chain(["connection: close", "", ""]).collect();
        server.write_all(head.join("\r\n").as_bytes())?;
        server.write_all(&request.body)?;
        let mut answer = Message::read_head(&mut server)?;
        server.read_to_end(&mut answer.body)?;
        Ok(answer)
    }
}

impl Message {
    fn read(from: &mut TcpStream) -> io::Result<Self> {
        let mut message = Self::read_head(from)?;
        let length = message.header("content-length");
        let length = length.map_or(0, |text| text.parse().expect("a length"));
        message.body.resize(length, 0);
        from.read_exact(&mut message.body)?;
        Ok(message)
    }

    fn read_head(from: &mut TcpStream) -> io::Result<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            from.read_exact(&mut byte)?;
            head.extend(byte);
        }
        Ok(Self {
            head: String::from_utf8(head).map_err(io::Error::other)?,
            body: Vec::new(),
        })
    }

    fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

fn page(status: &str, kind: &str, body: &str) -> Message {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    );
    Message {
        head,
        body: body.into(),
    }
}

/// Still JSON where it was JSON, and as long as it was.
fn changed(request: &Message, mut answer: Message) -> Message {
    let is_content = ["/blobs/", "/manifests/"].map(|part| request.path().contains(part));
    if request.head.starts_with("GET ") && is_content.contains(&true) {
        let digit = answer.body.iter().rposition(u8::is_ascii_digit);
        if let Some(byte) = digit.and_then(|at| answer.body.get_mut(at)) {
            *byte = if *byte == b'1' { b'2' } else { b'1' };
        }
    } else if request.head.starts_with("PUT ")
        && let Some(named) = answer.header("docker-content-digest")
    {
        let other = format!("sha256:{}", "0".repeat(64));
        answer.head = answer.head.replace(named, &other);
    }
    answer
}

fn halved(request: &Message, mut answer: Message) -> Message {
    if request.head.starts_with("GET ") && request.path().contains("/blobs/") {
        answer.body.truncate(answer.body.len() / 2);
    }
    answer
}

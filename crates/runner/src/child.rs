//! One child process: its input, its lines, its end; stopped as Concourse stops it.

use crate::interrupt::Interrupt;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Between SIGTERM and SIGKILL (`gardenProcessStopGracePeriod` in Concourse).
const GRACE: Duration = Duration::from_secs(10);
/// Concourse has no limit here; a resource that prints more than this is broken.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// A longer line is shown in pieces, so that memory stays bounded.
const MAX_LINE: usize = 64 * 1024;
/// How long the pipes are read after the process ended: a daemon that it left behind may hold them open.
const LINGER: Duration = Duration::from_secs(2);

/// What to start.
pub(crate) struct Program {
    pub command: Vec<OsString>,
    pub env: Vec<(String, String)>,
    pub dir: PathBuf,
    /// Given to the program on standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// Whether standard output is an answer to read; otherwise its lines are shown like those of standard error.
    pub answers: bool,
}

/// How it ended.
pub(crate) struct Ended {
    /// The exit code; 128 + n after a signal n, as shells say it.
    pub code: i32,
    pub stdout: Vec<u8>,
    /// Whether it ended because it was told to.
    pub interrupted: bool,
}

/// Runs a program to its end. Each line that it writes goes to `line`.
///
/// # Errors
/// The program could not be started, or its answer is larger than the limit.
pub(crate) async fn run(
    program: Program,
    interrupt: &Interrupt,
    line: &(dyn Fn(&str) + Sync),
) -> io::Result<Ended> {
    let mut child = spawn(&program)?;
    let group = group_of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program may end without reading all of its input.
            let _ = stdin.write_all(&program.stdin).await;
        }
    };
    let answer = async {
        match stdout {
            Some(stdout) if program.answers => read_answer(stdout).await,
            Some(stdout) => read_lines(stdout, line).await.map(|()| Vec::new()),
            None => Ok(Vec::new()),
        }
    };
    let lines = async {
        match stderr {
            Some(stderr) => read_lines(stderr, line).await,
            None => Ok(()),
        }
    };
    let pipes = async { tokio::join!(feed, answer, lines) };
    let ended = async {
        let ended = wait(&mut child, group, interrupt).await;
        // In Concourse the container ends with its program: nothing that it started in the background goes on.
        signal(group, rustix::process::Signal::KILL);
        ended
    };
    let ((status, interrupted), pipes) = join_with_linger(ended, pipes).await?;
    let (stdout, lines) = pipes.map_or((Ok(Vec::new()), Ok(())), |((), stdout, lines)| {
        (stdout, lines)
    });
    lines?;
    Ok(Ended {
        code: code(status),
        stdout: stdout?,
        interrupted,
    })
}

/// Both to their end, but the pipes only a little longer than the process.
async fn join_with_linger<S, P>(
    process: impl Future<Output = io::Result<S>>,
    pipes: impl Future<Output = P>,
) -> io::Result<(S, Option<P>)> {
    tokio::pin!(process, pipes);
    tokio::select! {
        status = &mut process => {
            let read = tokio::time::timeout(LINGER, pipes).await;
            Ok((status?, read.ok()))
        }
        read = &mut pipes => Ok((process.await?, Some(read))),
    }
}

fn spawn(program: &Program) -> io::Result<Child> {
    let mut words = program.command.iter();
    let name = words
        .next()
        .ok_or_else(|| io::Error::other("the command is empty"))?;
    Command::new(name)
        .args(words)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C reaches the runner only, and a signal reaches what the program started.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn wait(
    child: &mut Child,
    group: Option<Pid>,
    interrupt: &Interrupt,
) -> io::Result<(ExitStatus, bool)> {
    tokio::select! {
        status = child.wait() => return Ok((status?, false)),
        () = interrupt.fired() => {}
    }
    signal(group, rustix::process::Signal::TERM);
    let status = tokio::select! {
        status = tokio::time::timeout(GRACE, child.wait()) => status.ok(),
        () = interrupt.forced() => None,
    };
    match status {
        Some(status) => Ok((status?, true)),
        None => {
            signal(group, rustix::process::Signal::KILL);
            Ok((child.wait().await?, true))
        }
    }
}

/// The process group of a child that was just started: that of its own id.
fn group_of(child: &Child) -> Option<Pid> {
    child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw)
}

/// Sends a signal to the whole process group; one that is gone already needs none.
fn signal(group: Option<Pid>, signal: rustix::process::Signal) {
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

async fn read_answer(stdout: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut limited = stdout.take(MAX_ANSWER + 1);
    limited.read_to_end(&mut answer).await?;
    if answer.len() as u64 > MAX_ANSWER {
        let message =
            format!("the program printed more than {MAX_ANSWER} bytes on standard output");
        return Err(io::Error::other(message));
    }
    Ok(answer)
}

/// Shows each line. A carriage return ends one too: progress bars use it.
async fn read_lines(
    source: impl AsyncRead + Unpin,
    line: &(dyn Fn(&str) + Sync),
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(MAX_LINE, source);
    let mut pending = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let taken = end.unwrap_or(chunk.len()).min(MAX_LINE - pending.len());
        pending.extend_from_slice(&chunk[..taken]);
        let is_whole = end == Some(taken);
        reader.consume(taken + usize::from(is_whole));
        if is_whole || pending.len() == MAX_LINE {
            show(&mut pending, line);
        }
    }
    show(&mut pending, line);
    Ok(())
}

fn show(pending: &mut Vec<u8>, line: &(dyn Fn(&str) + Sync)) {
    if !pending.is_empty() {
        line(&String::from_utf8_lossy(pending));
        pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    async fn sh(
        script: &str,
        answers: bool,
        interrupt: &Interrupt,
        line: &(dyn Fn(&str) + Sync),
    ) -> io::Result<Ended> {
        let command = ["sh", "-c", script].map(OsString::from).to_vec();
        let env = vec![("PATH".to_owned(), std::env::var("PATH").unwrap())];
        let program = Program {
            command,
            env,
            dir: "/".into(),
            stdin: vec![b'x'; 1 << 20],
            answers,
        };
        run(program, interrupt, line).await
    }

    #[tokio::test]
    async fn an_endless_answer_is_an_error() {
        let error = sh("cat /dev/zero", true, &Interrupt::new(), &|_| {})
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    #[tokio::test]
    async fn lines_are_shown_in_bounded_pieces_and_returns_end_them() {
        let lines = Mutex::new(Vec::new());
        let keep = |line: &str| lines.lock().unwrap().push(line.to_owned());
        let script = "printf 'a\\rb\\n\\nc' >&2; head -c 150000 /dev/zero | tr '\\0' x";
        let ended = sh(script, false, &Interrupt::new(), &keep).await.unwrap();
        assert_eq!(
            (ended.code, ended.interrupted),
            (0, false),
            "input that nobody reads is no error"
        );
        let lines = lines.into_inner().unwrap();
        let short: Vec<&str> = lines
            .iter()
            .filter(|line| line.len() == 1)
            .map(String::as_str)
            .collect();
        assert_eq!(short, ["a", "b", "c"]);
        assert!(lines.iter().all(|line| line.len() <= MAX_LINE));
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.starts_with('x'))
                .map(String::len)
                .sum::<usize>(),
            150_000
        );
    }

    #[tokio::test]
    async fn a_hundred_megabytes_of_output_pass_through() {
        let seen = Mutex::new((0, 0));
        let count = |line: &str| {
            let mut seen = seen.lock().unwrap();
            *seen = (seen.0 + line.len(), seen.1.max(line.len()));
        };
        let script = "head -c 50000000 /dev/zero | tr '\\0' x; head -c 50000000 /dev/zero | tr '\\0' y | fold -w 1000 >&2";
        let ended = sh(script, false, &Interrupt::new(), &count).await.unwrap();
        assert_eq!(ended.code, 0);
        assert_eq!(seen.into_inner().unwrap(), (100_000_000, MAX_LINE));
    }

    #[tokio::test]
    async fn what_ignores_sigterm_is_killed_when_forced() {
        let interrupt = Interrupt::new();
        let seen = |line: &str| {
            assert_eq!(line, "ready");
            interrupt.raise();
            interrupt.raise();
        };
        let ended = sh(
            "trap '' TERM; echo ready >&2; while :; do sleep 1; done",
            true,
            &interrupt,
            &seen,
        )
        .await
        .unwrap();
        assert_eq!((ended.code, ended.interrupted), (128 + 9, true));
    }

    #[tokio::test]
    async fn a_daemon_that_holds_the_pipes_does_not_hold_the_run() {
        let interrupt = Interrupt::new();
        // In a session of its own: out of reach of what ends the program's group.
        let work = sh("setsid sleep 8 & exit 3", true, &interrupt, &|_| {});
        let ended = tokio::time::timeout(LINGER * 5, work)
            .await
            .expect("in time")
            .unwrap();
        assert_eq!(ended.code, 3);
    }

    #[tokio::test]
    async fn what_a_program_left_running_ends_with_it() {
        let left = Mutex::new(None);
        let keep = |line: &str| *left.lock().unwrap() = Some(format!("/proc/{line}/stat"));
        let script = "trap '' TERM; sleep 600 <&- >&- 2>&- & echo $! >&2";
        let ended = sh(script, true, &Interrupt::new(), &keep).await.unwrap();
        assert_eq!(ended.code, 0);
        let stat = left.into_inner().unwrap().expect("the id of the sleeper");
        let started = std::time::Instant::now();
        // Gone, or dead and not yet collected by whoever inherited it.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(started.elapsed().as_secs() < 20, "{stat} is still there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

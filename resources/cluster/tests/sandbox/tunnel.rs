//! The proxies of the environment: which servers are reached through them, and that their password stays with them.

use std::net::SocketAddr;
use std::process::Output;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::world::{World, finish, stderr};

/// Longer than any head of a CONNECT.
const HEAD_MAX: u64 = 8 << 10;
const PASSWORD: &str = "canary-of-the-proxy";
/// A name that only the proxy knows.
const ELSEWHERE: &str = "https://api.cluster.invalid:6443";

/// An HTTP proxy that connects all who know its password with one address, whatever they ask for.
struct Tunnel {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tunnel {
    async fn start(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, to) = (Arc::clone(&asked), to.to_owned());
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(client, to.clone(), Arc::clone(&log)));
            }
        });
        Self {
            address,
            asked,
            task,
        }
    }

    fn url(&self, password: &str) -> String {
        format!("http://me:{password}@{}", self.address)
    }

    /// What it was asked to connect with.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn serve(client: TcpStream, to: String, log: Arc<Mutex<Vec<String>>>) {
    let mut client = BufReader::new(client);
    let (mut target, mut known) = (String::new(), false);
    let right = format!("Basic {}", STANDARD.encode(format!("me:{PASSWORD}")));
    let mut head = (&mut client).take(HEAD_MAX);
    loop {
        let mut line = String::new();
        head.read_line(&mut line).await.unwrap();
        match line.trim_end().split_once(' ') {
            Some(("CONNECT", rest)) => target = rest.split(' ').next().unwrap().to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("proxy-authorization:") => {
                known = value == right;
            }
            Some(_) => {}
            None => break,
        }
    }
    log.lock().unwrap().push(target);
    if !known {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        return client.write_all(refusal).await.unwrap();
    }
    let mut server = TcpStream::connect(to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // Either end may go away at any time.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// Where the API of the world listens.
fn address(world: &World) -> String {
    let access: Value = serde_json::from_str(&world.kubeconfig).unwrap();
    let server = access["clusters"][0]["cluster"]["server"].as_str().unwrap();
    server.trim_start_matches("https://").to_owned()
}

/// A `check` of the world's API under another address, in this environment and no other.
async fn check(world: &World, server: &str, env: &[(&str, &str)]) -> Output {
    let mut access: Value = serde_json::from_str(&world.kubeconfig).unwrap();
    let cluster = &mut access["clusters"][0]["cluster"];
    cluster["server"] = json!(server);
    cluster["tls-server-name"] = json!("localhost");
    let mut source = world.source();
    source["kubeconfig"] = json!(access.to_string());
    source["debug"] = json!(true);
    let mut command = world.command("check", &json!({"source": source, "version": null}));
    command.env_clear().envs(env.iter().copied());
    let output = finish(command.spawn().unwrap()).await;
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let encoded = STANDARD.encode(format!("me:{PASSWORD}"));
    assert!(
        !said.contains(PASSWORD) && !said.contains(&encoded),
        "{said}"
    );
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_no_proxy_does_not_name_is_reached_through_the_proxy() {
    let world = World::small().await;
    let tunnel = Tunnel::start(&address(&world)).await;
    let url = tunnel.url(PASSWORD);
    for name in ["https_proxy", "HTTPS_PROXY"] {
        // Of the proxy's own address, nothing follows for the server's; nor does an empty part disturb.
        let env = [(name, url.as_str()), ("no_proxy", "127.0.0.1,,.example")];
        let output = check(&world, ELSEWHERE, &env).await;
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let asked = tunnel.asked();
        assert!(!asked.is_empty(), "{name}");
        assert!(
            asked.iter().all(|to| to == "api.cluster.invalid:6443"),
            "{name}: {asked:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_and_what_no_proxy_names_is_reached_directly() {
    let world = World::small().await;
    let own = address(&world);
    let port = own.rsplit_once(':').unwrap().1;
    let tunnel = Tunnel::start(&own).await;
    let url = tunnel.url(PASSWORD);
    let proxy = ("https_proxy", url.as_str());
    // An address of this machine that is not called loopback.
    let here = format!("https://0.0.0.0:{port}");
    for (server, env) in [
        (format!("https://127.0.0.1:{port}"), vec![proxy]),
        (here.clone(), vec![proxy, ("no_proxy", "0.0.0.0")]),
        (
            here.clone(),
            vec![proxy, ("NO_PROXY", "10.0.0.0/8, 0.0.0.0/8")],
        ),
    ] {
        let output = check(&world, &server, &env).await;
        assert!(output.status.success(), "{server}: {}", stderr(&output));
        assert_eq!(tunnel.asked(), [""; 0], "{server}");
    }
    let output = check(&world, &here, &[proxy]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!tunnel.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_is_said_without_its_password() {
    let world = World::small().await;
    let tunnel = Tunnel::start(&address(&world)).await;
    let url = tunnel.url(&format!("{PASSWORD}-of-another"));
    let output = check(&world, ELSEWHERE, &[("https_proxy", &url)]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = format!(
        "the proxy http://{} refused the way with 407 Proxy Authentication Required",
        tunnel.address
    );
    assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    assert!(!tunnel.asked().is_empty());
    let url = format!("socks5://me:{PASSWORD}@127.0.0.1:1080");
    let output = check(&world, ELSEWHERE, &[("https_proxy", &url)]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("its scheme is socks5"),
        "{}",
        stderr(&output)
    );
}

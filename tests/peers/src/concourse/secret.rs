//! A server, or a proxy, that repeats what it is told.

use serde_json::json;

use super::{CANARY, CANARY_IN_URL, MASK, Resource, Worker, site::Site};
use crate::leak;

impl Resource<'_> {
    /// A server, or a proxy with a password, tells all that it was told; the program repeats none of it.
    pub fn repeats_no_secret(&self) {
        let site = Site::telling();
        self.hears_without_repeating(&site.address(), None);
        assert!(site.heard(CANARY), "the server was told the secret");
        let proxy = Site::telling();
        let url = format!("http://robot:{CANARY_IN_URL}@{}", proxy.address());
        self.hears_without_repeating("server.invalid:80", Some(&url));
        assert!(proxy.heard(CANARY), "the proxy was told the secret");
    }

    fn hears_without_repeating(&self, address: &str, proxy: Option<&str>) {
        let mut source = self.source(address);
        source["debug"] = true.into();
        let request = json!({"source": source, "version": self.version()}).to_string();
        let worker = Worker::new(self.program);
        for call in ["check", "in DIR"] {
            let mut command = worker.command(call);
            for name in ["http_proxy", "https_proxy"] {
                command.envs(proxy.map(|url| (name, url)));
            }
            let ended = worker.run(command, request.as_bytes());
            assert_eq!(ended.code, Some(1), "{call}: {ended:?}");
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(
                all.contains(MASK) || proxy.is_some(),
                "{call} repeats nothing: {all}"
            );
            let shown = ended.stderr.lines().any(|line| is_request(line, address));
            assert!(shown, "{call}: `debug` shows no request: {}", ended.stderr);
            leak::assert_none(&all, &[CANARY]);
            worker.assert_empty();
        }
    }
}

/// A line of `debug: true`: method, URL, status or `no answer`, milliseconds.
fn is_request(line: &str, address: &str) -> bool {
    let server = address.trim_end_matches(":80");
    line.contains("request") && line.contains(&format!(" http://{server}/")) && line.contains(" ms")
}

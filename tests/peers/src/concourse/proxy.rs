//! A proxy of the environment with a password: that of the worker, which every step gets.

use std::thread;

use serde_json::json;

use super::{CANARY, CANARY_IN_URL, Ended, Resource, Worker, site::Site};
use crate::leak;

/// A server that is not on loopback: it would be asked through the proxy.
const ELSEWHERE: &str = "server.invalid:80";
/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

impl Resource<'_> {
    /// Whatever is wrong with the proxy, no step shows its password: nobody is there, or it cannot be used.
    pub fn repeats_no_password_of_a_proxy(&self) {
        let site = Site::telling();
        let here = site.address();
        let cases = [
            (ELSEWHERE, "http://", NOBODY),
            (ELSEWHERE, "", NOBODY),
            (ELSEWHERE, "ftp://", NOBODY),
            (ELSEWHERE, "socks5://", NOBODY),
            // What is no address is no proxy: the server is asked, which must not lie elsewhere then.
            (&here, "http://", "[::1"),
            (&here, "http://", "host:port"),
        ];
        // Side by side: those that may pass are tried again for some seconds.
        thread::scope(|scope| {
            for (server, scheme, host) in cases {
                let proxy = format!("{scheme}robot:{CANARY_IN_URL}@{host}");
                scope.spawn(move || self.fails_silently_behind(&proxy, server));
            }
        });
    }

    fn fails_silently_behind(&self, proxy: &str, server: &str) {
        for call in ["check", "in DIR"] {
            let worker = Worker::new(self.program);
            let ended = self.call_behind(&worker, call, proxy, server);
            assert_eq!(ended.code, Some(1), "{proxy} {call}: {ended:?}");
            let all = format!("{}{}", ended.stdout, ended.stderr);
            leak::assert_none(&all, &[CANARY]);
            worker.assert_empty();
        }
    }

    fn call_behind(&self, worker: &Worker, call: &str, proxy: &str, server: &str) -> Ended {
        let mut source = self.source(server);
        source["debug"] = true.into();
        let request = json!({"source": source, "version": self.version()});
        let mut command = worker.command(call);
        for name in ["http_proxy", "https_proxy"] {
            command.env(name, proxy);
        }
        worker.run(command, request.to_string().as_bytes())
    }
}

//! A registry that repeats the token which its token service gave out.

use serde_json::json;

use super::{
    MASK, Resource, Worker,
    site::{Site, TOKEN},
};
use crate::leak;

impl Resource<'_> {
    /// No source holds the token: it is a secret all the same. For resources that ask a registry.
    pub fn repeats_no_token(&self) {
        let site = Site::with_tokens();
        let mut source = self.source(&site.address());
        source["debug"] = true.into();
        let request = json!({"source": source, "version": self.version()}).to_string();
        let worker = Worker::new(self.program);
        for call in ["check", "in DIR"] {
            let ended = worker.call(call, &request);
            assert_eq!(ended.code, Some(1), "{call}: {ended:?}");
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(all.contains(MASK), "{call} repeats nothing: {all}");
            leak::assert_none(&all, &[TOKEN]);
            worker.assert_empty();
        }
        assert!(site.heard(TOKEN), "the registry was told the token");
    }
}

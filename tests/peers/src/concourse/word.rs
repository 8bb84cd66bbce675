//! Text that YAML takes for something else.

use serde_json::json;

use super::{Resource, Worker, site::Site};

impl Resource<'_> {
    /// `tag: 1.32` is a number in YAML; the server is asked for the tag all the same.
    pub fn takes_a_number_for_a_tag(&self) {
        let site = Site::telling();
        let mut source = self.source(&site.address());
        source["tag"] = json!(1.32);
        let worker = Worker::new(self.program);
        let ended = worker.call("check", &json!({"source": source}).to_string());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(":1.32"), "{ended:?}");
    }
}

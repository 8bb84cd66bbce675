//! The nodes that an earlier run left cordoned, told when a put ends before it could go on with them.

use std::time::Duration;

use trireme_executor::RollError;
use trireme_protocol::Step;

use crate::Source;
use crate::interruption::{self, cut};

/// A cluster that does not list its nodes within this is not known.
const LOOK: Duration = Duration::from_secs(5);

/// Names the nodes that a roll has cordoned and not given back, unless `error` has done so. A roller that is at work may be
/// the one that cordoned them.
pub(crate) async fn tell(step: &Step, source: &Source, error: &anyhow::Error) {
    if error.chain().any(|cause| cause.is::<RollError>()) {
        return;
    }
    let look = tokio::time::timeout(LOOK, look(step, source));
    let said = match cut(step, interruption::LOOK, look).await {
        Some(Ok(Ok(cordoned))) if cordoned.is_empty() => return,
        Some(Ok(Ok(cordoned))) => format!(
            "cordoned by a roll that has not ended: {}; a put that goes on with it gives them back",
            cordoned.join(", ")
        ),
        Some(Ok(Err(why))) => unknown(&why.to_string()),
        Some(Err(_)) | None => unknown("the API did not answer"),
    };
    step.warn("cluster", said);
}

fn unknown(why: &str) -> String {
    format!("whether an earlier roll left a node cordoned is not known: {why}")
}

async fn look(step: &Step, source: &Source) -> anyhow::Result<Vec<String>> {
    let cluster = source.connect(step).await?;
    Ok(cluster.cordoned().await?)
}

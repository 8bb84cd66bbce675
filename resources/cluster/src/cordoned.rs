//! The nodes that an earlier run left cordoned, told when a put ends before it could go on with them.

use trireme_executor::RollError;
use trireme_executor::interruption::last_look;
use trireme_protocol::Step;

use crate::Source;
use crate::voice::Spoken;

/// Names the nodes that a roll has cordoned and not given back, unless `error` has done so. A roller that is at work may be
/// the one that cordoned them.
pub(crate) async fn tell(step: &Step, source: &Source, error: &anyhow::Error) {
    if error.chain().any(|cause| cause.is::<RollError>()) {
        return;
    }
    let said = match last_look(&Spoken(step), look(source)).await {
        Ok(cordoned) if cordoned.is_empty() => return,
        Ok(cordoned) => format!(
            "cordoned by a roll that has not ended: {}; a put that goes on with it gives them back",
            cordoned.join(", ")
        ),
        Err(why) => format!("whether an earlier roll left a node cordoned is not known: {why}"),
    };
    step.warn("cluster", said);
}

async fn look(source: &Source) -> anyhow::Result<Vec<String>> {
    let cluster = source.connect().await?;
    Ok(cluster.cordoned().await?)
}

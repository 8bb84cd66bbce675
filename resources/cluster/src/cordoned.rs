//! The nodes that an earlier run left cordoned, named when a put ends before it could continue with them.

use tokio::time::timeout;
use trireme_executor::RollError;
use trireme_executor::interruption::last_look_limit;
use trireme_protocol::StepContext;

use crate::Source;

/// Names the nodes that a roll has cordoned and not given back, unless `error` has done so. Another roller that is at work may
/// have cordoned them.
pub(crate) async fn tell(step: &StepContext, source: &Source, error: &anyhow::Error) {
    if error.chain().any(|cause| cause.is::<RollError>()) {
        return;
    }
    let limit = last_look_limit(step.cancellation());
    let looked = timeout(limit, look(source)).await;
    let message = match looked {
        Ok(Ok(cordoned)) if cordoned.is_empty() => return,
        Ok(Ok(cordoned)) => format!(
            "cordoned by a roll that has not ended: {}; the next put that continues it gives them back",
            cordoned.join(", ")
        ),
        Ok(Err(error)) => {
            format!("it is not known whether an earlier roll left a node cordoned: {error}")
        }
        Err(_) => {
            "it is not known whether an earlier roll left a node cordoned: the API did not answer"
                .into()
        }
    };
    step.warn("cluster", message);
}

async fn look(source: &Source) -> anyhow::Result<Vec<String>> {
    let cluster = source.connect().await?;
    Ok(cluster.cordoned().await?)
}

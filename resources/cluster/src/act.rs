//! From what the source says of the act on a node to what the executor starts.

use trireme_blueprint::Wanted;
use trireme_kubernetes::ActionSpec;
use trireme_protocol::Fault;

use crate::ActSource;
use crate::proof::Proofs;

/// The act, its image by verified digest when the source names one of the wanted images.
///
/// # Errors
/// Exit 2 for an image that is denied or not proven, 78 for one that is neither a reference nor among the images.
pub(crate) fn action_spec(
    act: &ActSource,
    wanted: &Wanted,
    proofs: &Proofs<'_>,
) -> Result<ActionSpec, Fault> {
    let image = match wanted.images.get(&act.image) {
        Some(reference) => reference.clone(),
        None if act.image.contains('/') => {
            proofs.verify("of the act", &act.image)?;
            act.image.clone()
        }
        None => {
            let names: Vec<_> = wanted.images.keys().map(String::as_str).collect();
            let message = format!(
                "`act.image` `{}` is unknown. Use a full image reference, or one of: {}",
                act.image,
                names.join(", ")
            );
            return Err(Fault::config(message));
        }
    };
    Ok(ActionSpec {
        image,
        command: act.command.clone(),
        args: act.args.clone(),
        env: act.env.clone(),
        host: act.host,
    })
}

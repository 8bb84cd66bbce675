//! Namespaces: a new one gets its default service account, one that is deleted takes its objects along.

use serde_json::{Value, json};

use crate::kubernetes::{
    delete::delete,
    delete_options::Deletion,
    failure::Failure,
    kinds::{KINDS, stored},
    object::{self, name},
    store::World,
    write::{self, Mode},
};

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for namespace in world.list("namespaces", "") {
        if object::is_terminating(&namespace) {
            empty(world, &namespace)?;
        } else if world
            .get("serviceaccounts", name(&namespace), "default")
            .is_none()
        {
            let kind = stored("serviceaccounts");
            let body = json!({"metadata": {"name": "default"}});
            write::create(world, kind, name(&namespace), body, Mode::default())?;
        }
    }
    Ok(())
}

/// Deletes the objects in a namespace, and the namespace when it is empty.
fn empty(world: &mut World, namespace: &Value) -> Result<(), Failure> {
    let mut left = 0;
    for kind in KINDS
        .iter()
        .filter(|kind| kind.namespaced && !kind.transient)
    {
        for object in world.list(kind.plural, name(namespace)) {
            if !object::is_terminating(&object) {
                let at = (name(namespace), name(&object));
                delete(world, kind, at, &Deletion::background())?;
            }
        }
        left += world.list(kind.plural, name(namespace)).len();
    }
    if left == 0 {
        world.remove("namespaces", "", name(namespace))?;
    }
    Ok(())
}

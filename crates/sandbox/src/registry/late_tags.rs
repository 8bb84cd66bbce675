//! Tags that were pushed and are not shown yet.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Digest;

/// By repository and tag.
type Hidden = BTreeMap<(String, String), Earlier>;

/// What a tag shows until it is visible.
struct Earlier {
    until: Instant,
    /// `None`: nothing, the tag is new.
    digest: Option<Digest>,
}

/// The tags that are not shown yet.
#[derive(Default)]
pub(super) struct LateTags(Mutex<Hidden>);

impl LateTags {
    /// Hides what was just pushed; `before` is what the tag pointed to.
    pub fn hide(&self, name: &str, tag: &str, before: Option<Digest>, late: Duration) {
        if late.is_zero() {
            return;
        }
        let earlier = Earlier {
            until: Instant::now() + late,
            digest: before,
        };
        self.lock()
            .insert((name.to_owned(), tag.to_owned()), earlier);
    }

    /// What is shown in the place of the tag; `None`: the tag itself.
    pub fn shown(&self, name: &str, tag: &str) -> Option<Option<Digest>> {
        let hidden = self.lock();
        let earlier = hidden.get(&(name.to_owned(), tag.to_owned()))?;
        Some(earlier.digest.clone())
    }

    /// Without those that are shown by now.
    fn lock(&self) -> MutexGuard<'_, Hidden> {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        hidden.retain(|_, earlier| earlier.until > now);
        hidden
    }
}

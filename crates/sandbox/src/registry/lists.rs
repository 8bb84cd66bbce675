//! Lists, in pages: tags, repositories, referrers. A page that is not the last names the next in `Link`.

use axum::{
    body::Body,
    http::{Response, Uri},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Digest, Refusal, Registry,
    answer::{parameter, with},
    refusal::Answer,
};

pub(super) fn tags(registry: &Registry, name: &str, uri: &Uri) -> Answer {
    if !registry.store().knows(name) {
        return Err(Refusal::NameUnknown);
    }
    let mut tags = registry.store().tags(name)?;
    tags.retain(|tag| registry.late_tags().shown(name, tag) != Some(None));
    let page = Page::cut(tags, registry.page_size(), uri, Clone::clone)?;
    Ok(page.respond(
        uri,
        "application/json",
        |tags| json!({ "name": name, "tags": tags }),
    ))
}

pub(super) fn catalog(registry: &Registry, uri: &Uri) -> Answer {
    let page = Page::cut(
        registry.store().repositories()?,
        registry.page_size(),
        uri,
        Clone::clone,
    )?;
    Ok(page.respond(
        uri,
        "application/json",
        |names| json!({ "repositories": names }),
    ))
}

/// Answers an index, an empty one for a digest that nothing refers to: the specification has no 404 here.
pub(super) fn referrers(registry: &Registry, name: &str, digest: &Digest, uri: &Uri) -> Answer {
    let mut descriptors = registry.store().referrers(name, digest)?;
    let wanted = parameter(uri, "artifactType");
    if let Some(wanted) = &wanted {
        descriptors.retain(|descriptor| descriptor["artifactType"] == wanted.as_str());
    }
    let by_digest =
        |descriptor: &Value| descriptor["digest"].as_str().unwrap_or_default().to_owned();
    let page = Page::cut(descriptors, registry.page_size(), uri, by_digest)?;
    let response = page.respond(
        uri,
        INDEX,
        |manifests| json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }),
    );
    Ok(if wanted.is_some() {
        with(response, "oci-filters-applied", "artifactType")
    } else {
        response
    })
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct Page<T> {
    entries: Vec<T>,
    /// The last entry's name, when more follow it.
    next_after: Option<String>,
    size: usize,
}

impl<T> Page<T> {
    /// The entries after `last`, at most `n` or the registry's own page size. They are sorted by name.
    fn cut(
        entries: Vec<T>,
        limit: usize,
        uri: &Uri,
        name: impl Fn(&T) -> String,
    ) -> Result<Self, Refusal> {
        let asked = parameter(uri, "n").map(|n| n.parse::<usize>());
        let asked = asked.transpose().map_err(|_| Refusal::PageInvalid)?;
        let size = asked.unwrap_or(limit).min(limit);
        let after = parameter(uri, "last").unwrap_or_default();
        let mut entries: Vec<T> = entries
            .into_iter()
            .filter(|entry| name(entry) > after)
            .collect();
        let more = entries.len() > size;
        entries.truncate(size);
        let next_after = entries.last().filter(|_| more).map(name);
        Ok(Self {
            entries,
            next_after,
            size,
        })
    }

    fn respond(
        self,
        uri: &Uri,
        media_type: &str,
        body: impl FnOnce(Vec<T>) -> Value,
    ) -> Response<Body> {
        let link = self.next_after.as_ref().map(|last| {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let kept =
                parameter(uri, "artifactType").map(|t| format!("&artifactType={}", encoded(&t)));
            format!(
                "<{}?n={}&last={}{}>; rel=\"next\"",
                uri.path(),
                self.size,
                encoded(last),
                kept.unwrap_or_default()
            )
        });
        let response = Response::new(Body::from(body(self.entries).to_string()));
        let response = with(response, "content-type", media_type);
        match link {
            Some(link) => with(response, "link", link),
            None => response,
        }
    }
}

//! Listing tags, and lists in pages.

use http::{StatusCode, header::LINK};
use serde::Deserialize;
use trireme_transport::{Fetched, Request};

use crate::{RegistryError, Repository, auth::Access};

/// The most that one page of a list may have.
pub(crate) const PAGE_LIMIT_BYTES: u64 = 8 * 1024 * 1024;
/// The most tags that are kept of a repository.
const TAGS_LIMIT: usize = 1_000_000;
/// The most pages that are read. A list that goes on is an error: a part of it must not pass for the whole.
pub(crate) const PAGES_LIMIT: usize = 1000;

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

impl Repository {
    /// All tags, in the registry's order; none when the repository does not exist.
    ///
    /// # Errors
    /// When a page is not a list of tags, or they do not end.
    pub async fn list_tags(&self) -> Result<Vec<String>, RegistryError> {
        let what = format!("listing the tags of {}", self.name());
        let mut tags = Vec::new();
        let mut next = Some(self.url("tags/list?n=1000"));
        let mut pages = 0;
        while let Some(url) = next {
            pages = count_page(&what, pages)?;
            let Some((page, answer)) = self.tag_page(&what, &url, tags.is_empty()).await? else {
                return Ok(tags);
            };
            tags.extend(page);
            if tags.len() > TAGS_LIMIT {
                let reason = format!("there are more than {TAGS_LIMIT}");
                return Err(RegistryError::malformed(&what, reason));
            }
            next = self.next_page(&what, &url, &answer)?;
        }
        Ok(tags)
    }

    /// Whether there is a tag; false also when the repository does not exist.
    ///
    /// # Errors
    /// When the answer is not a list of tags.
    pub async fn has_tags(&self) -> Result<bool, RegistryError> {
        let what = format!("listing the tags of {}", self.name());
        let url = self.url("tags/list?n=1");
        let page = self.tag_page(&what, &url, true).await?;
        Ok(page.is_some_and(|(tags, _)| !tags.is_empty()))
    }

    /// One page; `None` when there is none and `may_be_none` says that this is no error.
    async fn tag_page(
        &self,
        what: &str,
        url: &str,
        may_be_none: bool,
    ) -> Result<Option<(Vec<String>, Fetched)>, RegistryError> {
        let build = || Request::get(url);
        let answer = self
            .fetch(what, Access::Pull, PAGE_LIMIT_BYTES, build)
            .await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND if may_be_none => return Ok(None),
            _ => return Err(RegistryError::unexpected(what, &answer)),
        }
        let page: TagPage = serde_json::from_slice(&answer.body).map_err(|_| {
            RegistryError::malformed(what, format!("expected tags, got {}", answer.describe()))
        })?;
        Ok(Some((page.tags.unwrap_or_default(), answer)))
    }

    /// The URL of the page after that at `url`, if the answer links to one on the registry itself.
    pub(crate) fn next_page(
        &self,
        what: &str,
        url: &str,
        answer: &Fetched,
    ) -> Result<Option<String>, RegistryError> {
        let links = answer.headers.get_all(LINK).iter();
        let target = links
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .find_map(next);
        let Some(target) = target else {
            return Ok(None);
        };
        let url = self.resolve(what, url, target)?;
        if !self.is_own(&url) {
            return Err(RegistryError::malformed(
                what,
                "the next page is on another host",
            ));
        }
        Ok(Some(url.into()))
    }
}

/// One more page was asked for.
pub(crate) fn count_page(what: &str, pages: usize) -> Result<usize, RegistryError> {
    if pages < PAGES_LIMIT {
        return Ok(pages + 1);
    }
    let reason = format!("the list does not end within {PAGES_LIMIT} pages");
    Err(RegistryError::malformed(what, reason))
}

/// `<URL>; rel="next"`.
fn next(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |p: &str| matches!(p.trim(), r#"rel="next""# | "rel=next");
    parameters.split(';').any(is_next).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn only_a_next_link_is_followed() {
        assert_eq!(
            next(r#"</v2/a/tags/list?n=1&last=x>; rel="next""#),
            Some("/v2/a/tags/list?n=1&last=x")
        );
        assert_eq!(next("<https://a/b>;rel=next"), Some("https://a/b"));
        assert_eq!(next(r#"</a>; rel="prev""#), None);
        assert_eq!(next("rubbish"), None);
    }
}

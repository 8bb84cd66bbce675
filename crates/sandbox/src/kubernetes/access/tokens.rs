//! Bearer tokens and their identities, in one file so that a kubeconfig is valid after a restart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Identity;

const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Issued {
    identity: Identity,
    /// `None`: as long as the sandbox lives.
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    format: u32,
    tokens: BTreeMap<String, Issued>,
}

/// All tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    path: PathBuf,
    book: Mutex<Book>,
}

impl Tokens {
    /// Opens the tokens kept in `dir`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("tokens.json");
        let mut book = Book::default();
        if path.exists() {
            book = serde_json::from_slice(&fs::read(&path)?)?;
        }
        book.format = FORMAT;
        Ok(Self {
            path,
            book: Mutex::new(book),
        })
    }

    /// The identity of a token.
    pub fn identify(&self, token: &str, now: Timestamp) -> Option<Identity> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let issued = book.tokens.get(token)?;
        let valid = issued.expires_at.is_none_or(|end| now < end);
        valid.then(|| issued.identity.clone())
    }

    /// A token of this identity that does not expire: the one it has, or a new one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn lasting(&self, identity: Identity) -> io::Result<String> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let known = book
            .tokens
            .iter()
            .find(|(_, issued)| issued.identity == identity && issued.expires_at.is_none());
        let known = known.map(|(token, _)| token.clone());
        drop(book);
        known.map_or_else(|| self.issue(identity, None), Ok)
    }

    /// Issues a token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn issue(&self, identity: Identity, expires_at: Option<Timestamp>) -> io::Result<String> {
        let token = format!(
            "sandbox-{:032x}{:032x}",
            fastrand::u128(..),
            fastrand::u128(..)
        );
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let issued = Issued {
            identity,
            expires_at,
        };
        book.tokens.insert(token.clone(), issued);
        let beside = self.path.with_extension("new");
        fs::write(&beside, serde_json::to_vec_pretty(&*book)?)?;
        fs::rename(beside, &self.path)?;
        Ok(token)
    }
}

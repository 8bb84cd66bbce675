//! The schemas of the evidence files (pure): `verdict.json`, `signature.json`, `roll.json`, `inventory.json`; and the page
//! `report.html` of a roll.
//!
//! Evidence lets someone else check what was done. Each file has one struct here. It is written by its `to_json` and read by
//! its `from_json`, and nowhere else. The structs are plain data: they use no type of the crate that decided, so that a change
//! there does not change a file without notice.
//!
//! **Format numbers.** The first key of each file is `format`. The number is raised when a key changes its meaning, is removed,
//! or gets a value that older readers must not ignore. A reader refuses a higher number and says so. A key that is added with
//! the same number is ignored by older readers. A file of every format that was ever written lies in `tests/fixtures`, and all
//! of them must load.
//!
//! **Limits.** A file has at most [`LIMIT_BYTES`]. An error says where a file is wrong; it never repeats text from the file,
//! because such a file can come from anyone. Names and reasons can come from anyone too: [`page`] shows them as text, without
//! control characters.

mod age;
mod digest;
mod format;
pub mod inventory;
pub mod page;
mod roll;
mod signature;
mod verdict;
pub mod words;

pub use age::{CLOCKS_DIFFER, TooOld, require_recent};
pub use digest::is_sha256;
pub use format::{EvidenceError, Format, LIMIT_BYTES};
pub use inventory::InventoryFile;
pub use roll::{Budget, Node, NodeState, Outcome, RollFile, Run, Sample, Span};
pub use signature::{OtherBundle, Signature, SignatureFile};
pub use verdict::{Counted, Counts, Decision, Examined, Finding, NotExamined, Reason, VerdictFile};

//! What an entry is.

use std::io::Read;

use tar::{Entry, EntryType};

/// Where a header has its type.
const TYPE_OFFSET: usize = 156;

/// The type of an entry. Archives from before there were types have a folder as a file without one whose name ends with `/`, and
/// container runtimes (Go's archive/tar) read it so: as a file it would hide what lies in it.
pub fn kind(entry: &Entry<'_, impl Read>) -> EntryType {
    let has_type = entry.header().as_bytes()[TYPE_OFFSET] != 0;
    match !has_type && entry.path_bytes().ends_with(b"/") {
        true => EntryType::Directory,
        false => entry.header().entry_type(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(name: &str, byte: u8) -> EntryType {
        let mut header = tar::Header::new_old();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkflag = [byte];
        header.set_size(0);
        header.set_cksum();
        let archive = header.as_bytes().to_vec();
        let mut archive = tar::Archive::new(&*archive);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        kind(&entry)
    }

    #[test]
    fn a_file_without_type_whose_name_ends_with_a_slash_is_a_folder() {
        assert_eq!(kind_of("etc/", 0), EntryType::Directory);
        assert_eq!(kind_of("etc/passwd", 0), EntryType::Regular);
        assert_eq!(kind_of("etc/", b'0'), EntryType::Regular);
        assert_eq!(kind_of("etc/", b'2'), EntryType::Symlink);
        assert_eq!(kind_of("etc", b'5'), EntryType::Directory);
    }
}

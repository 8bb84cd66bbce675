//! Marks: files of a layer that hide what lies in the layers below (OCI image specification, `layer.md`).

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What the name of a file hides.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// This, in the folder of the mark.
    Hides(&'a [u8]),
    /// Everything in the folder of the mark.
    HidesAll,
    /// Its own folder or what is above it: no honest layer has it.
    Hostile,
}

impl<'a> Mark<'a> {
    /// What a file of this name hides, without its folder; none if it is a file like any other.
    pub fn of(name: &'a [u8]) -> Option<Self> {
        if name == OPAQUE {
            return Some(Self::HidesAll);
        }
        match name.strip_prefix(WHITEOUT)? {
            b"" | b"." | b".." => Some(Self::Hostile),
            hidden => Some(Self::Hides(hidden)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_by_its_name() {
        assert_eq!(Mark::of(b".wh.status"), Some(Mark::Hides(b"status")));
        assert_eq!(Mark::of(b".wh..wh..opq"), Some(Mark::HidesAll));
        for hostile in [".wh.", ".wh..", ".wh..."] {
            assert_eq!(Mark::of(hostile.as_bytes()), Some(Mark::Hostile));
        }
        for plain in ["status", ".whx", "a.wh.b"] {
            assert_eq!(Mark::of(plain.as_bytes()), None);
        }
    }
}

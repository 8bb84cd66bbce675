//! The score of a CVSS vector of version 2.0, 3.0, 3.1 or 4.0.
//!
//! The crate `cvss` (of RustSec) reads and computes all of them. One scale holds for every version, that of 3 and 4:
//! the NVD's old one for version 2 ends at "high", so that a threshold of "critical" would pass over the worst flaws
//! of which only a version 2 vector is known.

use cvss::{Cvss, v3};

/// The score, 0.0 to 10.0: for versions 2 and 3 the base score, for 4 also with the threat and environment that the
/// vector states. None if it is not a whole vector.
pub fn score(vector: &str) -> Option<f64> {
    let vector: Cvss = vector.parse().ok()?;
    is_whole(&vector).then(|| vector.score())
}

/// The crate refuses incomplete vectors of versions 2 and 4; in one of version 3 it takes what is missing for harmless.
fn is_whole(vector: &Cvss) -> bool {
    match vector {
        Cvss::CvssV30(vector) | Cvss::CvssV31(vector) => has_base_metrics(vector),
        _ => true,
    }
}

fn has_base_metrics(vector: &v3::Vector) -> bool {
    let exploitability = vector.av.is_some()
        && vector.ac.is_some()
        && vector.pr.is_some()
        && vector.ui.is_some()
        && vector.s.is_some();
    exploitability && vector.c.is_some() && vector.i.is_some() && vector.a.is_some()
}

#[cfg(test)]
mod tests {
    use super::score;

    fn scored(published: &[(&str, f64)]) {
        for (vector, expected) in published {
            assert_eq!(score(vector), Some(*expected), "{vector}");
        }
    }

    #[test]
    fn version_3_scores_are_those_that_the_nvd_published() {
        scored(&[
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H", 5.5),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:L/A:H", 6.5),
            ("CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ]);
    }

    /// Of CVE-2014-0160, CVE-2014-3566, CVE-2014-6271, CVE-2016-5195, and the examples of the specification
    /// (section 3.3): CVE-2002-0392, CVE-2003-0062. The calculator `cvss` 3.6 of Red Hat Product Security (PyPI) gives
    /// the same.
    #[test]
    fn version_2_scores_are_those_that_the_nvd_published() {
        scored(&[
            ("AV:N/AC:L/Au:N/C:P/I:N/A:N", 5.0),
            ("AV:N/AC:M/Au:N/C:P/I:N/A:N", 4.3),
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
            ("AV:L/AC:L/Au:N/C:C/I:C/A:C", 7.2),
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
            ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
        ]);
    }

    /// Of FIRST's document "CVSS v4.0 Examples": CVE-2022-41741, CVE-2020-3549, CVE-2023-3089, CVE-2021-44714,
    /// CVE-2022-21830, CVE-2022-22186, CVE-2023-21989, CVE-2020-3947, CVE-2020-3549 (with threat), CVE-2021-44228,
    /// CVE-2014-0160. The calculator `cvss` 3.6 of Red Hat Product Security (PyPI) gives the same.
    #[test]
    fn version_4_scores_are_those_that_first_published() {
        scored(&[
            (
                "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                7.3,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                7.7,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N",
                8.3,
            ),
            (
                "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",
                4.6,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N",
                5.1,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N",
                6.9,
            ),
            (
                "CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N",
                5.9,
            ),
            (
                "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
                9.4,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U",
                5.2,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A",
                9.3,
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A",
                8.7,
            ),
        ]);
    }

    #[test]
    fn what_is_no_whole_vector_has_no_score() {
        let broken = [
            "",
            "9.8",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N",
            "CVSS:5.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "AV:N/AC:L/Au:N/C:C/I:C",
            "AV:N/AC:L/Au:N/C:H/I:C/A:C",
        ];
        for vector in broken {
            assert_eq!(score(vector), None, "{vector}");
        }
    }
}

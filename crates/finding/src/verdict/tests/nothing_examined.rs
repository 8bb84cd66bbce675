//! Images of which nothing is known.

use super::*;

#[test]
fn nothing_examined_is_incomplete_under_the_mildest_policy() {
    let mildest = Policy {
        severity: Threshold::Critical,
        fixed_only: true,
        unknown_severity: UnknownSeverity::Ignore,
        accept_not_examined: vec![Accepted::Kind(Kind::Program)],
        end_of_support: EndOfSupport::Report,
    };
    let nothing = Examination {
        digest: "sha256:aa".to_owned(),
        ..Examination::default()
    };
    let verdict = judge(&nothing, &mildest);
    assert_eq!(rules(&verdict), [Rule::NothingExamined]);
    assert_eq!(verdict.decision, Decision::Incomplete);
    let mut one_platform = examined(vec![]);
    one_platform.examined.push(Examined {
        packages: Vec::new(),
        ..one_platform.examined[0].clone()
    });
    one_platform.examined[1].platform = "linux/arm64".to_owned();
    let verdict = judge(&one_platform, &mildest);
    assert_eq!(rules(&verdict), [Rule::NothingExamined]);
    assert!(
        verdict.reasons[0].message.contains("linux/arm64"),
        "{:?}",
        verdict.reasons
    );
}

/// As the image `pause`: a program of C, and nothing else.
#[test]
fn an_image_of_which_every_program_is_accepted_by_its_path_is_permitted() {
    let mut image = examined(vec![]);
    image.examined[0].packages.clear();
    image.examined[0].not_examined = vec![NotExamined {
        kind: Kind::Program,
        what: "program".to_owned(),
        reason: "not read".to_owned(),
        names: ["pause".to_owned()].into(),
    }];
    let path = |path: &str| Accepted::Path(path.to_owned());
    let judged = |image: &Examination, accepted: Vec<Accepted>| {
        let policy = Policy {
            accept_not_examined: accepted,
            ..Policy::default()
        };
        rules(&judge(image, &policy))
    };
    assert_eq!(judged(&image, vec![path("/pause")]), []);
    let by_kind = vec![Accepted::Kind(Kind::Program)];
    assert_eq!(judged(&image, by_kind), [Rule::NothingExamined]);
    let both = [Rule::NothingExamined, Rule::NotExamined];
    assert_eq!(judged(&image, vec![path("/other")]), both);
    let mut empty = image.examined[0].clone();
    empty.not_examined.clear();
    image.examined.push(empty);
    let silent_platform = [Rule::NothingExamined];
    assert_eq!(judged(&image, vec![path("/pause")]), silent_platform);
}

//! The examples that Concourse publishes with its algorithm (`atc/scheduler/algorithm/algorithm_test.go`), under the names that they
//! have there. Versions that a person disabled are left out: the runner cannot disable one.

use super::*;

/// One published example.
struct Example {
    name: &'static str,
    /// Successful builds, the oldest first: job, number, versions.
    builds: &'static [(&'static str, u64, &'static str)],
    /// The builds whose versions the last build of the job took.
    last_used: &'static [u64],
    /// Resource, whether `version: every`, `passed`.
    inputs: &'static [(&'static str, bool, &'static str)],
    /// What the inputs take, or the job that has no build for them.
    takes: Result<&'static str, &'static str>,
}

const SHARED: &[(&str, u64, &str)] = &[
    ("a", 1, "x1"),
    ("a", 2, "x2"),
    ("a", 3, "x3"),
    ("a", 4, "x4"),
    ("b", 5, "y1"),
    ("b", 6, "y2"),
    ("b", 7, "y3"),
    ("b", 8, "y4"),
    ("shared", 9, "x1 y1"),
    ("shared", 10, "x4 y2"),
    ("shared", 11, "x4 y3"),
    ("shared", 12, "x4 y4"),
];

const EVERY: &[(&str, bool, &str)] = &[("x", true, "a shared"), ("y", true, "b shared")];

const EXAMPLES: &[Example] = &[
    Example {
        name: "can fan-in",
        builds: &[("a", 1, "x1"), ("b", 2, "x1"), ("a", 3, "x2")],
        last_used: &[],
        inputs: &[("x", false, "a b")],
        takes: Ok("x1"),
    },
    Example {
        name: "correlates inputs by build, allowing resources to skip jobs",
        builds: &[("a", 1, "x1 y1"), ("fan-in", 3, "x1"), ("a", 4, "x2 y2")],
        last_used: &[],
        inputs: &[("x", false, "a fan-in"), ("y", false, "a")],
        takes: Ok("x1 y1"),
    },
    Example {
        name: "finds only versions that passed through together",
        builds: &[
            ("a", 1, "x1 y1"),
            ("b", 2, "x1 y1"),
            ("a", 3, "x3 y3"),
            ("b", 4, "x3 y3"),
            ("a", 5, "x2 y4"),
            ("b", 6, "x4 y5"),
            ("b", 7, "x4 y2"),
        ],
        last_used: &[],
        inputs: &[("x", false, "a b"), ("y", false, "a b")],
        takes: Ok("x3 y3"),
    },
    Example {
        name: "can collect distinct versions of resources without correlating by job",
        builds: &[("a", 1, "x1"), ("b", 2, "x2 x1")],
        last_used: &[],
        inputs: &[("x", false, "a"), ("x", false, "b")],
        takes: Ok("x1 x2"),
    },
    Example {
        name: "resolves passed constraints with common jobs, skipping versions that are not common to builds of all jobs",
        builds: &[
            ("shared", 1, "x1 y1"),
            ("a", 2, "x1"),
            ("b", 3, "y1"),
            ("shared", 4, "x2 y2"),
            ("a", 5, "x2"),
        ],
        last_used: &[],
        inputs: &[("x", false, "shared a"), ("y", false, "shared b")],
        takes: Ok("x1 y1"),
    },
    Example {
        name: "returns a missing input reason when no input version satisfies the passed constraint",
        builds: &[("a", 2, "x1 y1"), ("b", 9, "z1")],
        last_used: &[],
        inputs: &[("x", false, "a b"), ("y", false, "a b")],
        takes: Err("a"),
    },
    Example {
        name: "returns the first version that satisfies constraints when using every version",
        builds: &[
            ("shared", 2, "x1"),
            ("shared", 3, "x2 y1"),
            ("a", 4, "x1"),
            ("a", 5, "x2"),
        ],
        last_used: &[3, 5],
        inputs: &[("x", true, "shared a"), ("y", true, "shared")],
        takes: Ok("x2 y1"),
    },
    Example {
        name: "returns the latest set of versions that satisfy all passed constraint with version every, and the current job \
               has no builds",
        builds: &[
            ("a", 1, "x1"),
            ("a", 2, "x2"),
            ("b", 3, "y1"),
            ("b", 4, "y2"),
            ("shared", 5, "x1 y1"),
            ("shared", 6, "x1 y2"),
            ("shared", 7, "x1 y3"),
        ],
        last_used: &[],
        inputs: EVERY,
        takes: Ok("x1 y2"),
    },
    Example {
        name: "returns latest build outputs for the passed job that has not run with the current job when using every version",
        builds: &[
            ("a", 1, "x1"),
            ("a", 2, "x2"),
            ("a", 3, "x3"),
            ("a", 4, "x4"),
            ("b", 5, "y1"),
            ("b", 6, "y2"),
            ("b", 7, "y3"),
            ("b", 8, "y4"),
            ("shared", 9, "x1 y1"),
            ("shared", 10, "x1 y2"),
            ("shared", 11, "x2 y3"),
            ("shared", 12, "x2 y4"),
            ("shared", 13, "x3 y4"),
        ],
        last_used: &[1],
        inputs: EVERY,
        takes: Ok("x2 y4"),
    },
    Example {
        name: "finds next version that satisfies common constraints when using every version",
        builds: &[
            ("shared", 1, "x1"),
            ("shared", 2, "x2"),
            ("shared", 3, "x3 y1"),
            ("a", 4, "x1"),
            ("a", 5, "x2"),
            ("a", 6, "x3"),
            ("b", 7, "y1"),
            ("b", 8, "y2"),
            ("b", 9, "y3"),
        ],
        last_used: &[1, 4],
        inputs: &[("x", true, "shared a"), ("y", true, "shared b")],
        takes: Ok("x3 y1"),
    },
    Example {
        name: "returns the next set of versions that satisfy constraints when using every version",
        builds: SHARED,
        last_used: &[1, 5, 9],
        inputs: EVERY,
        takes: Ok("x4 y2"),
    },
    Example {
        name: "returns earliest set of versions that satisfy the multiple passed constraints with version every when the \
               current job latest build has un-ordered versions",
        builds: &[
            ("a", 2, "x1"),
            ("a", 3, "x2"),
            ("a", 4, "x3"),
            ("b", 5, "y1"),
            ("b", 6, "y2"),
            ("b", 7, "y3"),
            ("shared", 8, "x1 y1"),
            ("shared", 9, "x2 y2"),
            ("shared", 10, "x3 y3"),
        ],
        last_used: &[2, 6],
        inputs: EVERY,
        takes: Ok("x2 y2"),
    },
    Example {
        name: "returns the current set of versions that satisfy the multiple passed constraints with version every when one \
               of the passed job has no newer versions",
        builds: &[
            ("a", 2, "x1"),
            ("a", 3, "x2"),
            ("a", 4, "x3"),
            ("b", 5, "y1"),
            ("shared", 8, "x1 y1"),
            ("shared", 9, "x2 y2"),
            ("shared", 10, "x3 y3"),
        ],
        last_used: &[2, 5],
        inputs: EVERY,
        takes: Ok("x1 y1"),
    },
    Example {
        name: "returns a missing input reason when no input version satisfies the shared passed constraints",
        builds: &[
            ("shared", 1, "x1 y1"),
            ("b", 3, "y1"),
            ("shared", 4, "x2 y2"),
            ("a", 5, "x2"),
        ],
        last_used: &[],
        inputs: &[("x", false, "shared a"), ("y", false, "shared b")],
        takes: Err("shared"),
    },
    // Not published there: what the review asked for. After a pin, an older version went through last.
    Example {
        name: "the newest build gives the version, not the newest version",
        builds: &[("a", 1, "x1"), ("a", 2, "x2"), ("a", 3, "x1")],
        last_used: &[],
        inputs: &[("x", false, "a")],
        takes: Ok("x1"),
    },
];

fn version(text: &str) -> Version {
    Version::from([("v".to_owned(), text.to_owned())])
}

/// What is taken, or the job without a build; and the builds that vouch for it.
fn played(example: &Example, pin: Option<&Version>) -> (Result<String, String>, Vec<u64>) {
    let mut names: Vec<&str> = Vec::new();
    for (job, ..) in example.builds {
        if !names.contains(job) {
            names.push(job);
        }
    }
    let index = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let words = example
        .builds
        .iter()
        .flat_map(|(.., versions)| versions.split(' '));
    let versions: BTreeMap<&str, Version> = words.map(|word| (word, version(word))).collect();
    let jobs: Vec<PassedJob<'_>> = names
        .iter()
        .map(|name| {
            let own = example.builds.iter().rev().filter(|(job, ..)| job == name);
            let builds = own.map(|(_, number, words)| PassedBuild {
                number: *number,
                versions: words
                    .split(' ')
                    .map(|word| (&word[..1], &versions[word]))
                    .collect(),
            });
            PassedJob {
                builds: builds.collect(),
            }
        })
        .collect();
    let inputs: Vec<Input<'_>> = example
        .inputs
        .iter()
        .map(|(resource, every, passed)| {
            let mut passed: Vec<usize> = passed.split(' ').map(index).collect();
            passed.sort_unstable();
            Input {
                resource,
                passed,
                pin,
                every: *every,
            }
        })
        .collect();
    let used = example
        .builds
        .iter()
        .filter(|(_, number, _)| example.last_used.contains(number));
    let last_used = used.map(|(job, number, _)| (index(job), *number)).collect();
    match resolve(&inputs, &jobs, &last_used) {
        Ok(found) => {
            let taken: Vec<&str> = found.iter().map(|one| one.version["v"].as_str()).collect();
            let builds = found
                .iter()
                .flat_map(|one| one.vouched_by.values().copied());
            (Ok(taken.join(" ")), builds.collect())
        }
        Err(Unsatisfied::NoBuild { job, .. }) => (Err(names[job].to_owned()), Vec::new()),
        Err(Unsatisfied::TooMany) => panic!("{}: too many", example.name),
    }
}

#[test]
fn versions_are_taken_as_in_the_published_examples_of_concourse() {
    for example in EXAMPLES {
        let expected = example.takes.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(played(example, None).0, expected, "{}", example.name);
    }
}

#[test]
fn every_version_comes_with_the_build_that_it_came_from() {
    let (_, builds) = played(&EXAMPLES[0], None);
    assert_eq!(builds, [1, 2]);
}

#[test]
fn a_pin_takes_the_newest_build_that_had_the_pinned_version() {
    let example = Example {
        name: "pinned",
        builds: &[("a", 1, "x1"), ("a", 2, "x1"), ("a", 3, "x2")],
        last_used: &[],
        inputs: &[("x", false, "a")],
        takes: Ok("x1"),
    };
    let (taken, builds) = played(&example, Some(&version("x1")));
    assert_eq!((taken.as_deref(), builds), (Ok("x1"), vec![2]));
}

/// Twelve gets; for each two of them a job whose builds hold every two different versions of eleven: none of the gets may take the
/// same as another, which is not possible, and nobody can try everything.
#[test]
fn a_search_that_would_never_end_ends() {
    let (gets, versions): (usize, Vec<Version>) =
        (12, (0..11).map(|n| version(&n.to_string())).collect());
    let resources: Vec<String> = (0..gets).map(|get| get.to_string()).collect();
    let (mut jobs, mut passed) = (Vec::new(), vec![Vec::new(); gets]);
    for left in 0..gets {
        for right in left + 1..gets {
            passed[left].push(jobs.len());
            passed[right].push(jobs.len());
            let pairs = versions
                .iter()
                .flat_map(|one| versions.iter().map(move |other| (one, other)));
            let builds =
                pairs
                    .filter(|(one, other)| one != other)
                    .zip(1..)
                    .map(|((one, other), number)| PassedBuild {
                        number,
                        versions: vec![
                            (resources[left].as_str(), one),
                            (resources[right].as_str(), other),
                        ],
                    });
            jobs.push(PassedJob {
                builds: builds.collect(),
            });
        }
    }
    let inputs = resources.iter().zip(passed);
    let inputs: Vec<Input<'_>> = inputs
        .map(|(resource, passed)| Input {
            resource,
            passed,
            pin: None,
            every: false,
        })
        .collect();
    assert_eq!(
        resolve(&inputs, &jobs, &BTreeMap::new()),
        Err(Unsatisfied::TooMany)
    );
}

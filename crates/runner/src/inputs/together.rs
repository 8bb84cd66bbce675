//! Which versions go together: of gets that share a job in `passed`, each must take a version that went through one and the
//! same build of that job (`atc/scheduler/algorithm/group_resolver.go`).
//!
//! Versions and builds that no choice can use are struck out first (arc consistency). What is left needs no search at all
//! while the gets and the jobs that they share form no circle; where they do, the search is bounded.

/// Versions that are tried at most. Without a circle of shared jobs one for each get suffices.
const MAX_TRIES: usize = 1000;

/// The gets and jobs of one build that is to start, each by its index.
#[derive(Debug)]
pub(super) struct Puzzle {
    /// For each get, how many versions it could take, the preferred first.
    pub candidates: Vec<usize>,
    /// For each job, how many builds it had.
    pub builds: Vec<usize>,
    /// What holds between them.
    pub links: Vec<Link>,
}

/// One get asks for a version that passed one job.
#[derive(Debug)]
pub(super) struct Link {
    /// The get.
    pub get: usize,
    /// The job.
    pub job: usize,
    /// Each version of the get, with each build of the job that it went through.
    pub pairs: Vec<(usize, usize)>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Apart {
    /// No choice holds together.
    Never,
    /// Too many were tried.
    Unknown,
}

impl Puzzle {
    /// For each get the version to take: the first get has the first say.
    pub fn solve(&self) -> Result<Vec<usize>, Apart> {
        let mut chosen = vec![0; self.candidates.len()];
        for group in self.groups() {
            let mut open = Open::new(self);
            if !open.strike_out(self, &group) {
                return Err(Apart::Never);
            }
            let mut tries = MAX_TRIES;
            let found = self.search(&group.gets, &group, open, &mut tries)?;
            let found = found.ok_or(Apart::Never)?;
            for get in group.gets {
                chosen[get] = found.first(get).ok_or(Apart::Never)?;
            }
        }
        Ok(chosen)
    }

    /// Chooses for the first get, then for the rest.
    fn search(
        &self,
        gets: &[usize],
        group: &Group,
        open: Open,
        tries: &mut usize,
    ) -> Result<Option<Open>, Apart> {
        let Some((&get, rest)) = gets.split_first() else {
            return Ok(Some(open));
        };
        for version in (0..self.candidates[get]).filter(|version| open.versions[get][*version]) {
            *tries = tries.checked_sub(1).ok_or(Apart::Unknown)?;
            let mut narrowed = open.clone();
            narrowed.take(get, version);
            if narrowed.strike_out(self, group)
                && let Some(found) = self.search(rest, group, narrowed, tries)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Gets that hang together by the jobs that they share, in the order of the first of each: what one group takes is nothing
    /// to the others.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for get in 0..self.candidates.len() {
            let links = self.links.iter().enumerate();
            let links: Vec<usize> = links
                .filter(|(_, link)| link.get == get)
                .map(|(index, _)| index)
                .collect();
            let mut own = Group {
                gets: vec![get],
                links,
            };
            let shares = |group: &Group| group.shares_a_job(&own, self);
            let (with, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(shares);
            groups = apart;
            for group in with.into_iter().rev() {
                own.gets.splice(0..0, group.gets);
                own.links.splice(0..0, group.links);
            }
            own.gets.sort_unstable();
            groups.push(own);
        }
        groups
    }
}

/// Gets that share jobs, with their links.
struct Group {
    gets: Vec<usize>,
    links: Vec<usize>,
}

impl Group {
    fn shares_a_job(&self, other: &Self, puzzle: &Puzzle) -> bool {
        let jobs = |group: &Self| -> Vec<usize> {
            let links = group.links.iter();
            links.map(|link| puzzle.links[*link].job).collect()
        };
        let own = jobs(self);
        jobs(other).iter().any(|job| own.contains(job))
    }
}

/// What can still be chosen.
#[derive(Clone)]
struct Open {
    versions: Vec<Vec<bool>>,
    builds: Vec<Vec<bool>>,
}

impl Open {
    fn new(puzzle: &Puzzle) -> Self {
        let all = |counts: &[usize]| counts.iter().map(|count| vec![true; *count]).collect();
        Self {
            versions: all(&puzzle.candidates),
            builds: all(&puzzle.builds),
        }
    }

    fn take(&mut self, get: usize, version: usize) {
        self.versions[get].fill(false);
        self.versions[get][version] = true;
    }

    fn first(&self, get: usize) -> Option<usize> {
        self.versions[get].iter().position(|open| *open)
    }

    /// Strikes out what no choice can use, until nothing changes; false when some get or job has nothing left.
    fn strike_out(&mut self, puzzle: &Puzzle, group: &Group) -> bool {
        let mut changed = true;
        while changed {
            changed = false;
            for link in group.links.iter().map(|link| &puzzle.links[*link]) {
                let mut versions = vec![false; puzzle.candidates[link.get]];
                let mut builds = vec![false; puzzle.builds[link.job]];
                for &(version, build) in &link.pairs {
                    if self.versions[link.get][version] && self.builds[link.job][build] {
                        versions[version] = true;
                        builds[build] = true;
                    }
                }
                if !versions.contains(&true) {
                    return false;
                }
                changed |= versions != self.versions[link.get] || builds != self.builds[link.job];
                self.versions[link.get] = versions;
                self.builds[link.job] = builds;
            }
        }
        group.gets.iter().all(|get| self.first(*get).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As many gets as `pigeons`, each with one version per hole; for each two gets a job whose builds hold every two different
    /// holes: none of the gets may take the same as another.
    fn pigeons(pigeons: usize, holes: usize) -> Puzzle {
        let mut links = Vec::new();
        let mut builds = Vec::new();
        for left in 0..pigeons {
            for right in left + 1..pigeons {
                let pairs = (0..holes).flat_map(|one| (0..holes).map(move |other| (one, other)));
                let pairs: Vec<_> = pairs
                    .filter(|(one, other)| one != other)
                    .enumerate()
                    .collect();
                let of = |get: usize, side: fn(&(usize, usize)) -> usize| Link {
                    get,
                    job: builds.len(),
                    pairs: pairs
                        .iter()
                        .map(|(build, pair)| (side(pair), *build))
                        .collect(),
                };
                links.push(of(left, |pair| pair.0));
                links.push(of(right, |pair| pair.1));
                builds.push(pairs.len());
            }
        }
        Puzzle {
            candidates: vec![holes; pigeons],
            builds,
            links,
        }
    }

    #[test]
    fn a_puzzle_that_nobody_can_search_to_its_end_ends() {
        assert_eq!(pigeons(12, 12).solve(), Ok((0..12).collect()));
        assert_eq!(pigeons(5, 4).solve(), Err(Apart::Never));
        assert_eq!(pigeons(12, 11).solve(), Err(Apart::Unknown));
    }

    /// Every choice, in the order in which they are preferred.
    fn by_trying_all(puzzle: &Puzzle) -> Option<Vec<usize>> {
        let mut choices = vec![Vec::new()];
        for count in &puzzle.candidates {
            let longer = |choice: &Vec<usize>| {
                let choice = choice.clone();
                (0..*count).map(move |version| [choice.clone(), vec![version]].concat())
            };
            choices = choices.iter().flat_map(longer).collect();
        }
        let holds = |choice: &Vec<usize>| {
            (0..puzzle.builds.len()).all(|job| {
                let links = || puzzle.links.iter().filter(|link| link.job == job);
                let in_build =
                    |build| links().all(|link| link.pairs.contains(&(choice[link.get], build)));
                links().next().is_none() || (0..puzzle.builds[job]).any(in_build)
            })
        };
        choices.into_iter().find(holds)
    }

    prop_compose! {
        fn puzzles()(
            gets in 1..5_usize,
            versions in 1..4_usize,
            jobs in 0..4_usize,
            builds in 1..5_usize,
        )(
            drawn in prop::collection::vec(
                (0..gets, 0..jobs.max(1), prop::collection::btree_set((0..versions, 0..builds), 0..8)),
                0..8,
            ),
            counts in Just((gets, versions, jobs, builds)),
        ) -> Puzzle {
            let (gets, versions, jobs, builds) = counts;
            let mut links: Vec<Link> = Vec::new();
            for (get, job, pairs) in drawn.into_iter().filter(|_| jobs > 0) {
                if !links.iter().any(|link| link.get == get && link.job == job) {
                    links.push(Link { get, job, pairs: pairs.into_iter().collect() });
                }
            }
            Puzzle { candidates: vec![versions; gets], builds: vec![builds; jobs], links }
        }
    }

    proptest! {
        #[test]
        fn what_is_chosen_is_the_first_of_all_choices_that_hold(puzzle in puzzles()) {
            prop_assert_eq!(puzzle.solve().ok(), by_trying_all(&puzzle));
        }
    }
}

//! Which advisories are about an image: those of its distribution, told by its release file, and of languages.

mod support;

use std::fmt;

use jiff::civil::Date;

use crate::version::Order;

/// A distribution's release, or a language, as OSV names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ecosystem {
    /// `Debian`, `Alpine`, `Ubuntu`, `Go` or `crates.io`.
    family: &'static str,
    /// The name with which OSV's records name it today.
    name: String,
    /// The numbers that tell a release from others: `12`, or `22.04`. None for a language.
    release: Option<Release>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Release {
    numbers: [u32; 2],
    /// How many of them count: a point release of Debian is the same release.
    significant: usize,
}

impl Ecosystem {
    /// Modules of Go.
    pub fn go() -> Self {
        Self::of_language("Go")
    }

    /// Crates of Rust.
    pub fn crates_io() -> Self {
        Self::of_language("crates.io")
    }

    fn of_language(name: &'static str) -> Self {
        Self {
            family: name,
            name: name.to_owned(),
            release: None,
            order: Order::Semver,
        }
    }

    /// Reads an `os-release` file.
    ///
    /// # Errors
    /// Which distribution it is, if we know no advisories for it: then nothing can be said about its packages.
    pub fn of_release(os_release: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let line = os_release
                .lines()
                .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim_matches(['"', '\'']).to_owned())
                .unwrap_or_default()
        };
        let (id, release) = (value("ID"), value("VERSION_ID"));
        match id.as_str() {
            "debian" => debian(&release),
            "alpine" => alpine(&release),
            "ubuntu" => ubuntu(&release),
            _ => None,
        }
        .ok_or_else(|| {
            format!(
                "{} {}",
                or(&id, "unnamed distribution"),
                or(&release, "without a release number")
            )
        })
    }

    /// The folder of the database that holds its advisories, e.g. `Debian`.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// The name in findings: that with which OSV's records name it today.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The order of its versions.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether a record's ecosystem is this very release, in whatever form: `Ubuntu:20.04`, `Ubuntu:20.04:LTS`,
    /// `Ubuntu:Pro:20.04:LTS`.
    pub fn is(&self, name: &str) -> bool {
        self.relation(name) == Relation::This
    }

    /// Whether a record with this ecosystem is about it: this release, or none in particular. In the OSV schema
    /// (`affected[].package`) the suffix that scopes a package to a release is optional. A form that is not known is no
    /// other release.
    pub fn is_in(&self, name: &str) -> bool {
        self.relation(name) != Relation::Other
    }

    /// Whether a record with this ecosystem is about an installed version: Ubuntu's builds for FIPS have their own records,
    /// and say so in their version.
    pub fn has_build(name: &str, version: &str) -> bool {
        let is_fips = |text: &str| text.to_ascii_lowercase().contains("fips");
        !is_fips(name) || is_fips(version)
    }

    /// The last day of security support, if it is over.
    pub fn support_ended(&self, today: Date) -> Option<Date> {
        let release = self.release?;
        support::ended(self.family, release.numbers, today)
    }

    fn relation(&self, name: &str) -> Relation {
        let mut words = name.split(':');
        let family = words.next().unwrap_or_default();
        if !family.eq_ignore_ascii_case(self.family) {
            return Relation::Other;
        }
        let Some(release) = self.release else {
            return Relation::This;
        };
        let mut releases = words.filter_map(release_numbers).peekable();
        if releases.peek().is_none() {
            return Relation::Any;
        }
        let mut same = releases
            .map(|other| other[..release.significant] == release.numbers[..release.significant]);
        if same.any(|same| same) {
            Relation::This
        } else {
            Relation::Other
        }
    }
}

/// How the ecosystem of a record is related to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    This,
    /// No release in particular.
    Any,
    Other,
}

/// `12`, `22.04` or `v3.20`; none for a word.
fn release_numbers(word: &str) -> Option<[u32; 2]> {
    let parts = numbers(word.strip_prefix('v').unwrap_or(word))?;
    let number = |at: usize| parts.get(at).map_or(Some(0), |part| part.parse().ok());
    Some([number(0)?, number(1)?])
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn numbers(release: &str) -> Option<Vec<&str>> {
    let parts: Vec<_> = release.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().all(number).then_some(parts)
}

fn distribution(
    family: &'static str,
    name: String,
    release: &str,
    significant: usize,
    order: Order,
) -> Option<Ecosystem> {
    Some(Ecosystem {
        family,
        name,
        release: Some(Release {
            numbers: release_numbers(release)?,
            significant,
        }),
        order,
    })
}

/// `12`; testing and unstable carry no number and have no advisories of their own.
fn debian(release: &str) -> Option<Ecosystem> {
    let major = numbers(release)?[0];
    distribution("Debian", format!("Debian:{major}"), major, 1, Order::Dpkg)
}

/// `3.18.4` is branch v3.18; edge (`3.21_alpha20240807`) is none.
fn alpine(release: &str) -> Option<Ecosystem> {
    let [major, minor, ..] = numbers(release)?[..] else {
        return None;
    };
    let name = format!("Alpine:v{major}.{minor}");
    distribution("Alpine", name, release, 2, Order::Apk)
}

/// `22.04`; OSV marks the releases with long support.
fn ubuntu(release: &str) -> Option<Ecosystem> {
    let [year, month] = numbers(release)?[..] else {
        return None;
    };
    let even_year = year.bytes().last().is_some_and(|digit| digit % 2 == 0);
    let long_support = if month == "04" && even_year {
        ":LTS"
    } else {
        ""
    };
    let name = format!("Ubuntu:{year}.{month}{long_support}");
    distribution("Ubuntu", name, release, 2, Order::Dpkg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_named_as_osv_names_them() {
        let name = |text: &str| Ecosystem::of_release(text).map(|e| e.name().to_owned());
        assert_eq!(
            name("ID=debian\nVERSION_ID=\"12\"\n"),
            Ok("Debian:12".to_owned())
        );
        assert_eq!(
            name("ID=alpine\nVERSION_ID=3.18.4\n"),
            Ok("Alpine:v3.18".to_owned())
        );
        assert_eq!(
            name("VERSION_ID='22.04'\nID=ubuntu"),
            Ok("Ubuntu:22.04:LTS".to_owned())
        );
        assert_eq!(
            name("ID=ubuntu\nVERSION_ID=23.10"),
            Ok("Ubuntu:23.10".to_owned())
        );
    }

    #[test]
    fn what_has_no_advisories_is_named_and_not_guessed() {
        let refused = |text: &str| Ecosystem::of_release(text).unwrap_err();
        assert_eq!(
            refused("ID=debian\nPRETTY_NAME=\"sid\""),
            "debian without a release number"
        );
        assert_eq!(
            refused("ID=alpine\nVERSION_ID=3.21_alpha20240807"),
            "alpine 3.21_alpha20240807"
        );
        assert_eq!(
            refused("ID=rhel\nID_LIKE=\"debian\"\nVERSION_ID=9.4"),
            "rhel 9.4"
        );
        assert_eq!(refused(""), "unnamed distribution without a release number");
    }

    #[test]
    fn a_release_is_known_in_every_form_of_its_name() {
        let relation = |release: &str, names: &[&str]| {
            let ecosystem = Ecosystem::of_release(release).unwrap();
            let each = names.iter().map(|name| ecosystem.relation(name));
            each.collect::<Vec<_>>()
        };
        let focal = "ID=ubuntu\nVERSION_ID=20.04";
        let this = [
            "Ubuntu:20.04:LTS",
            "Ubuntu:20.04",
            "Ubuntu:Pro:20.04:LTS",
            "Ubuntu:Pro:FIPS-updates:20.04:LTS",
            "ubuntu:20.04.6",
        ];
        assert_eq!(relation(focal, &this), [Relation::This; 5]);
        let other = ["Ubuntu:Pro:18.04:LTS", "Ubuntu:22.04:LTS", "Debian:20.04"];
        assert_eq!(relation(focal, &other), [Relation::Other; 3]);
        let any = ["Ubuntu", "Ubuntu:", "Ubuntu:Pro", "Ubuntu:focal"];
        assert_eq!(relation(focal, &any), [Relation::Any; 4]);
        let bookworm = "ID=debian\nVERSION_ID=12";
        assert_eq!(relation(bookworm, &["Debian:12.1"]), [Relation::This]);
        assert_eq!(relation(bookworm, &["Debian:1"]), [Relation::Other]);
        let branch = "ID=alpine\nVERSION_ID=3.20.1";
        let names = ["Alpine:v3.20", "Alpine:3.20", "Alpine:v3.2"];
        let expected = [Relation::This, Relation::This, Relation::Other];
        assert_eq!(relation(branch, &names), expected);
    }

    #[test]
    fn a_build_for_fips_has_records_of_its_own() {
        let fips = "Ubuntu:Pro:FIPS:20.04:LTS";
        assert!(Ecosystem::has_build(fips, "1.1.1f-1ubuntu2.fips.22"));
        assert!(!Ecosystem::has_build(fips, "1.1.1f-1ubuntu2.24"));
        assert!(Ecosystem::has_build(
            "Ubuntu:20.04:LTS",
            "1.1.1f-1ubuntu2.24"
        ));
    }

    #[test]
    fn security_support_ends_on_a_day_and_what_is_not_known_is_not_said() {
        let ended = |release: &str, today: &str| {
            let ecosystem = Ecosystem::of_release(release).unwrap();
            let ended = ecosystem.support_ended(today.parse().unwrap());
            ended.map(|date| date.to_string())
        };
        let jessie = "ID=debian\nVERSION_ID=8";
        assert_eq!(ended(jessie, "2020-06-30"), None);
        assert_eq!(ended(jessie, "2020-07-01").unwrap(), "2020-06-30");
        let lunar = "ID=ubuntu\nVERSION_ID=23.04";
        assert_eq!(ended(lunar, "2026-12-01").unwrap(), "2024-01-25");
        let old = "ID=alpine\nVERSION_ID=3.4.1";
        assert_eq!(ended(old, "2026-12-01").unwrap(), "2022-05-01");
        for later in ["ID=debian\nVERSION_ID=14", "ID=ubuntu\nVERSION_ID=26.04"] {
            assert_eq!(ended(later, "2099-01-01"), None, "{later}");
        }
        assert_eq!(
            Ecosystem::go().support_ended("2099-01-01".parse().unwrap()),
            None
        );
    }
}

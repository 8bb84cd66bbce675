//! Which advisories are about an image, told by its release file.

use std::fmt;

use crate::version::Order;

/// A distribution's release, as OSV names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ecosystem {
    /// `Debian`, `Alpine` or `Ubuntu`.
    family: &'static str,
    /// The names under which a database may hold its advisories; one of them suffices.
    names: Vec<String>,
    order: Order,
}

impl Ecosystem {
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
        &self.names[0]
    }

    /// The order of its versions.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether a record's ecosystem is this very release.
    pub fn is(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whether a record with this ecosystem is about it: this release, or none in particular. In the OSV schema
    /// (`affected[].package`) the suffix that scopes a package to a release is optional.
    pub fn is_in(&self, name: &str) -> bool {
        self.is(name) || name == self.family
    }
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

/// `12`; testing and unstable carry no number and have no advisories of their own.
fn debian(release: &str) -> Option<Ecosystem> {
    let major = numbers(release)?[0];
    Some(Ecosystem {
        family: "Debian",
        names: vec![format!("Debian:{major}")],
        order: Order::Dpkg,
    })
}

/// `3.18.4` is branch v3.18; edge (`3.21_alpha20240807`) is none.
fn alpine(release: &str) -> Option<Ecosystem> {
    let [major, minor, ..] = numbers(release)?[..] else {
        return None;
    };
    Some(Ecosystem {
        family: "Alpine",
        names: vec![format!("Alpine:v{major}.{minor}")],
        order: Order::Apk,
    })
}

/// `22.04`; OSV marks the releases with long support.
fn ubuntu(release: &str) -> Option<Ecosystem> {
    let [year, month] = numbers(release)?[..] else {
        return None;
    };
    let plain = format!("Ubuntu:{year}.{month}");
    let even_year = year.bytes().last().is_some_and(|digit| digit % 2 == 0);
    let long_support = month == "04" && even_year;
    let names = if long_support {
        vec![format!("{plain}:LTS"), plain]
    } else {
        vec![plain]
    };
    Some(Ecosystem {
        family: "Ubuntu",
        names,
        order: Order::Dpkg,
    })
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
}

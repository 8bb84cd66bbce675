//! Go: the modules in the build info of a program, as `go version -m` lists them.

mod kubernetes;

use trireme_finding::{Package, SourcePackage};

use crate::Ecosystem;

/// The name of Go's own library in advisories.
const STANDARD_LIBRARY: &str = "stdlib";

/// What a program says that it was built from.
#[derive(Default)]
struct BuildInfo<'a> {
    main: Option<Module<'a>>,
    dependencies: Vec<Module<'a>>,
    /// What the linker was told, as `go build` notes it. It notes nothing with `-trimpath`.
    linker_flags: &'a str,
}

/// A module, and what replaces it.
struct Module<'a> {
    path: &'a str,
    version: &'a str,
    replaced_by: Option<Replacement<'a>>,
}

enum Replacement<'a> {
    Module {
        path: &'a str,
        version: &'a str,
    },
    /// A folder of the one who built the program.
    Folder(&'a str),
}

/// The standard library, the main module and its dependencies; none if it is no build info.
///
/// `text` is the version of Go, a line end, and lines of fields separated by tabs: `path`, `mod`, `dep`, `=>`, `build`.
pub(super) fn packages(text: &[u8]) -> Option<Vec<Package>> {
    let (go, list) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let info = BuildInfo::read(list)?;
    let library = (STANDARD_LIBRARY, standard_library(go));
    let mut packages = vec![package(STANDARD_LIBRARY, go, library)];
    for module in info.main.iter().chain(&info.dependencies) {
        let (path, version) = module.source();
        let version = version
            .map(str::to_owned)
            .or_else(|| kubernetes::version(&info, module));
        let source = (path, version.unwrap_or_default());
        packages.push(package(module.path, module.version, source));
    }
    Some(packages)
}

impl<'a> BuildInfo<'a> {
    fn read(list: &'a str) -> Option<Self> {
        let mut info = Self::default();
        for line in list.lines().filter(|line| !line.is_empty()) {
            let (key, rest) = line.split_once('\t')?;
            match key {
                "mod" => info.main = Some(module(rest)?),
                "dep" => info.dependencies.push(module(rest)?),
                "=>" => {
                    let replaced = info.dependencies.last_mut().or(info.main.as_mut())?;
                    replaced.replaced_by = Some(replacement(&module(rest)?));
                }
                "build" => {
                    if let Some(flags) = rest.strip_prefix("-ldflags=") {
                        info.linker_flags = flags;
                    }
                }
                // `path` names the package of the program; there may be more one day.
                _ => {}
            }
        }
        Some(info)
    }
}

impl<'a> Module<'a> {
    /// The module that advisories are about, and its version if that is known.
    fn source(&self) -> (&'a str, Option<&'a str>) {
        match self.replaced_by {
            None => (self.path, known(self.version)),
            Some(Replacement::Module { path, version }) => (path, known(version)),
            Some(Replacement::Folder(_)) => (self.path, None),
        }
    }
}

fn module(fields: &str) -> Option<Module<'_>> {
    let mut fields = fields.split('\t');
    Some(Module {
        path: fields.next().filter(|path| !path.is_empty())?,
        version: fields.next().unwrap_or_default(),
        replaced_by: None,
    })
}

fn replacement<'a>(by: &Module<'a>) -> Replacement<'a> {
    let (path, version) = (by.path, by.version);
    match path.starts_with(['.', '/']) {
        true => Replacement::Folder(path),
        false => Replacement::Module { path, version },
    }
}

/// The source is what advisories are about.
fn package(name: &str, version: &str, source: (&str, String)) -> Package {
    Package {
        ecosystem: Ecosystem::go().name().to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: String::new(),
        source: SourcePackage {
            name: source.0.to_owned(),
            version: source.1,
        },
        program: None,
    }
}

/// The version, unless it only stands for none: that of a module in a folder, or of a workspace.
fn known(version: &str) -> Option<&str> {
    let stands_for_none = ["", "(devel)", "v0.0.0"].contains(&version)
        || version.starts_with("v0.0.0-00010101000000-000000000000");
    (!stands_for_none).then_some(version)
}

/// `go1.26.8` and `go1.27rc1 X:synctest` as advisories write them: `1.26.8`, `1.27.0-rc.1`. Empty for a Go that was built from
/// its development branch.
fn standard_library(go: &str) -> String {
    let word = go.split([' ', '-']).next().unwrap_or_default();
    let Some(version) = word.strip_prefix("go") else {
        return String::new();
    };
    let release = |c: char| c.is_ascii_digit() || c == '.';
    let end = version.find(|c| !release(c)).unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    let numbers = format!("{numbers}{}", ".0".repeat(missing));
    for word in ["beta", "rc"] {
        if let Some(number) = rest.strip_prefix(word) {
            return format!("{numbers}-{word}.{number}");
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Vec<(String, String, String)> {
        let found = packages(text.as_bytes()).unwrap().into_iter();
        found
            .map(|package| (package.name, package.source.name, package.source.version))
            .collect()
    }

    #[test]
    fn the_standard_library_the_main_module_and_what_replaces_another_are_matched() {
        let text = "go1.26.8\npath\tk8s.io/kubernetes/cmd/kube-apiserver\n\
            mod\tk8s.io/kubernetes\tv1.37.2\th1:A2VDEi\n\
            dep\tgithub.com/docker/cli\tv29.7.2+incompatible\th1:dlk\n\
            dep\tk8s.io/api\tv0.0.0\n=>\tk8s.io/api\tv0.37.2\th1:Pnx\n\
            dep\tgithub.com/old/fork\tv1.0.0\n=>\tgithub.com/new/fork\tv1.1.0\th1:x\n\
            dep\tk8s.io/kms\tv1.0.0\n=>\t./staging/src/k8s.io/kms\t(devel)\n\
            build\t-compiler=gc\nbuild\tDefaultGODEBUG=\n";
        let expected = [
            ("stdlib", "stdlib", "1.26.8"),
            ("k8s.io/kubernetes", "k8s.io/kubernetes", "v1.37.2"),
            (
                "github.com/docker/cli",
                "github.com/docker/cli",
                "v29.7.2+incompatible",
            ),
            ("k8s.io/api", "k8s.io/api", "v0.37.2"),
            ("github.com/old/fork", "github.com/new/fork", "v1.1.0"),
            ("k8s.io/kms", "k8s.io/kms", ""),
        ];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(sources(text), expected);
    }

    #[test]
    fn a_version_that_stands_for_none_is_not_taken_for_one() {
        for version in ["(devel)", "v0.0.0", "v0.0.0-00010101000000-000000000000"] {
            let text = format!("go1.26.8\nmod\texample.com/app\t{version}\t\n");
            assert_eq!(sources(&text)[1].2, "", "{version}");
        }
    }

    #[test]
    fn versions_of_go_are_written_as_advisories_write_them() {
        for (go, expected) in [
            ("go1.26.8", "1.26.8"),
            ("go1.20", "1.20.0"),
            ("go1.21rc4", "1.21.0-rc.4"),
            ("go1.18beta2", "1.18.0-beta.2"),
            ("go1.24.4 X:nocoverageredesign", "1.24.4"),
            ("go1.22.5-20240702-RC01 cl/648000000", "1.22.5"),
            ("devel go1.27-abcdef0 Mon Jan 1", ""),
        ] {
            assert_eq!(standard_library(go), expected, "{go}");
        }
    }

    #[test]
    fn what_is_no_list_of_modules_is_none() {
        for text in [
            "go1.26.8\n=>\t",
            "go1.26.8\ndep\t\tv1\n",
            "go1.26.8\nwords\n",
        ] {
            assert!(packages(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(packages(b"go1.26.8\nmod\t\xff\n").is_none());
    }
}

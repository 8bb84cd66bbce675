//! Kubernetes builds its staging modules (`k8s.io/api`, `k8s.io/apiserver` …) from its own folders, where they have no version.
//!
//! Their version is that of Kubernetes: its release v1.36.5 publishes each of them as v0.36.5, from the same source. A program that was built from a
//! folder does not know the version of Kubernetes either; the release scripts hand it to the linker.

use super::{BuildInfo, Module, Replacement, known};

const MAIN: &str = "k8s.io/kubernetes";
/// The variable that `kubectl version` prints.
const LINKED_VERSION: &str = "k8s.io/component-base/version.gitVersion=";

/// The version of Kubernetes or of one of its staging modules in a program of Kubernetes, of which build info has none.
pub(super) fn version(info: &BuildInfo<'_>, module: &Module<'_>) -> Option<String> {
    let main = info.main.as_ref().filter(|main| main.path == MAIN)?;
    let release = match main.source() {
        (MAIN, Some(version)) => version,
        (MAIN, None) => linked_version(info.linker_flags)?,
        _ => return None,
    };
    let minor = release.strip_prefix("v1.")?;
    match module.path {
        MAIN => Some(release.to_owned()),
        _ => is_staging(module).then(|| format!("v0.{minor}")),
    }
}

/// Whether the module comes from the folder that Kubernetes has for it, or from its workspace.
fn is_staging(module: &Module<'_>) -> bool {
    let name = module.path.strip_prefix("k8s.io/");
    let is_ours = name.is_some_and(|name| !name.contains('/')) && known(module.version).is_none();
    let is_in_place = match module.replaced_by {
        None => true,
        Some(Replacement::Folder(folder)) => folder
            .strip_prefix("./staging/src/")
            .is_some_and(|path| path == module.path),
        Some(Replacement::Module { .. }) => false,
    };
    is_ours && is_in_place
}

/// What the linker was told of the version, if it is one, and the same wherever it was told.
fn linked_version(flags: &str) -> Option<&str> {
    let mut told = flags.match_indices(LINKED_VERSION).map(|(at, variable)| {
        let begins_value = flags[..at]
            .chars()
            .next_back()
            .is_none_or(|c| " '\"=".contains(c));
        begins_value.then(|| stated_version(&flags[at + variable.len()..]))?
    });
    let first = told.next()??;
    told.all(|other| other == Some(first)).then_some(first)
}

/// The version with which the text begins, if it is one.
fn stated_version(rest: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let version = &rest[..end];
    let number = version.strip_prefix('v')?;
    semver::Version::parse(number).is_ok().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::super::packages;

    /// Name and version for matching, of every module but the standard library.
    fn matched(main: &str, rest: &str) -> Vec<(String, String)> {
        let text = format!("go1.26.8\nmod\t{main}\n{rest}");
        let found = packages(text.as_bytes()).unwrap().into_iter().skip(1);
        found
            .map(|package| (package.source.name, package.source.version))
            .collect()
    }

    fn version_of_api(main: &str, rest: &str) -> String {
        let found = matched(main, rest);
        let api = found.iter().find(|(name, _)| name == "k8s.io/api");
        api.unwrap().1.clone()
    }

    const IN_ITS_FOLDER: &str =
        "dep\tk8s.io/api\tv0.0.0\n=>\t./staging/src/k8s.io/api\t(devel)\t\n";
    const LINKED: &str = "build\t-ldflags=\"all=-X 'k8s.io/component-base/version.gitCommit=1' -X 'k8s.io/component-base/version.gitVersion=v1.36.5' -s -w\"\n";

    #[test]
    fn a_staging_module_has_the_version_that_its_release_publishes() {
        let main = "k8s.io/kubernetes\tv1.36.5\th1:x";
        for staging in [
            IN_ITS_FOLDER,
            "dep\tk8s.io/api\tv0.0.0\t\n",
            "dep\tk8s.io/api\t(devel)\t\n",
        ] {
            assert_eq!(version_of_api(main, staging), "v0.36.5", "{staging:?}");
        }
    }

    /// As the release scripts of Kubernetes build it.
    #[test]
    fn kubernetes_from_a_folder_has_the_version_that_it_prints() {
        let found = matched(
            "k8s.io/kubernetes\t(devel)\t",
            &[IN_ITS_FOLDER, LINKED].concat(),
        );
        let expected = [("k8s.io/kubernetes", "v1.36.5"), ("k8s.io/api", "v0.36.5")];
        assert_eq!(
            found,
            expected.map(|(name, version)| (name.to_owned(), version.to_owned()))
        );
    }

    #[test]
    fn what_is_no_staging_module_of_kubernetes_stays_without_a_version() {
        let kubernetes = "k8s.io/kubernetes\tv1.36.5\t";
        let elsewhere = "dep\tk8s.io/api\tv0.0.0\n=>\t../api\t(devel)\t\n";
        assert_eq!(version_of_api(kubernetes, elsewhere), "");
        for other in ["example.com/fork", "k8s.io/klog/v2"] {
            let found = matched(kubernetes, &format!("dep\t{other}\t(devel)\t\n"));
            assert_eq!(found[1].1, "", "{other}");
        }
        assert_eq!(
            version_of_api("example.com/app\tv1.36.5\t", IN_ITS_FOLDER),
            ""
        );
    }

    #[test]
    fn a_version_that_nobody_stated_stays_unknown() {
        for linked in [
            "",
            "build\t-ldflags=\"-X k8s.io/component-base/version.gitVersion=dirty\"\n",
            "build\t-ldflags=\"-X example.com/k8s.io/component-base/version.gitVersion=v1.99.0\"\n",
            "build\t-ldflags=\"-X k8s.io/component-base/version.gitVersion=v1.99.0 -X k8s.io/component-base/version.gitVersion=v1.36.5\"\n",
            "build\t-ldflags=\"-X k8s.io/component-base/version.gitVersion=v0.0.0-master+$Format:%H$\"\n",
        ] {
            let found = matched(
                "k8s.io/kubernetes\t(devel)\t",
                &[IN_ITS_FOLDER, linked].concat(),
            );
            assert!(
                found.iter().all(|(_, version)| version.is_empty()),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_version_that_is_stated_is_kept() {
        let fork = "dep\tk8s.io/api\tv0.0.0\n=>\tgithub.com/fork/api\tv1.36.1\t\n";
        let found = matched("k8s.io/kubernetes\tv1.36.5\t", fork);
        assert_eq!(
            found[1],
            ("github.com/fork/api".to_owned(), "v1.36.1".to_owned())
        );
        let own = "dep\tk8s.io/utils\tv0.1.0\th1:x\n";
        let found = matched("k8s.io/kubernetes\tv1.36.5\t", own);
        assert_eq!(found[1].1, "v0.1.0");
    }
}

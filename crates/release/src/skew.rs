//! Whether components of different versions may run together.
//!
//! Rule numbers are those of the policy's sections: 1 kube-apiserver, 2 kubelet, 3 kube-proxy, 4 controller manager,
//! scheduler and cloud controller manager, 5 kubectl. With several API servers, a component may not be newer than the oldest
//! of them allows, nor older than the newest of them allows: a load balancer may send it to any of them.
//!
//! The suffix of a vendor never matters here.

use std::fmt;

use crate::{Minor, Version};

/// The oldest and the newest API server of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServers {
    oldest: Version,
    newest: Version,
}

/// A component whose version the policy bounds by that of the API servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Rule 2.
    Kubelet,
    /// Rule 3.
    KubeProxy,
    /// Rule 4.
    ControllerManager,
    /// Rule 4.
    Scheduler,
    /// Rule 4.
    CloudControllerManager,
    /// Rule 5.
    Kubectl,
}

/// Why two versions may not run together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Rule 1: API servers of one cluster are at most one minor apart.
    #[error("API servers {oldest} and {newest} are more than one minor apart")]
    ApiServersApart {
        /// The oldest API server.
        oldest: Version,
        /// The newest API server.
        newest: Version,
    },
    /// The component is newer than an API server allows.
    #[error("{component} {version} is newer than API server {bound} allows")]
    TooNew {
        /// The component.
        component: Component,
        /// Its version.
        version: Version,
        /// The API server that bounds it.
        bound: Version,
    },
    /// The component is older than an API server supports.
    #[error("{component} {version} is older than API server {bound} supports ({allowed} minors)")]
    TooOld {
        /// The component.
        component: Component,
        /// Its version.
        version: Version,
        /// The API server that bounds it.
        bound: Version,
        /// How many minors it may be behind.
        allowed: i64,
    },
    /// Rule 3: kube-proxy and the kubelet beside it.
    #[error("kube-proxy {proxy} is more than {allowed} minors from its kubelet {kubelet}")]
    ProxyFromKubelet {
        /// kube-proxy's version.
        proxy: Version,
        /// The kubelet's version.
        kubelet: Version,
        /// How many minors they may be apart.
        allowed: i64,
    },
    /// A minor would be skipped (rule 1, "must not skip").
    #[error("an upgrade from {from} to {to} skips a minor; upgrade to {through} first")]
    SkipsMinor {
        /// Where the upgrade starts.
        from: Version,
        /// Where it would end.
        to: Version,
        /// The minor that must come between.
        through: Minor,
    },
    /// A downgrade.
    #[error("{to} is older than {from}; Kubernetes does not support a downgrade")]
    Downgrade {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
    },
}

impl ApiServers {
    /// Rule 1: at most one minor apart.
    ///
    /// # Errors
    /// [`Violation::ApiServersApart`].
    pub fn new(versions: &[Version]) -> Result<Option<Self>, Violation> {
        let (Some(oldest), Some(newest)) = (versions.iter().min(), versions.iter().max()) else {
            return Ok(None);
        };
        let servers = Self {
            oldest: oldest.clone(),
            newest: newest.clone(),
        };
        match newest.minor().ahead_of(oldest.minor()) {
            Some(0 | 1) => Ok(Some(servers)),
            _ => Err(Violation::ApiServersApart {
                oldest: oldest.clone(),
                newest: newest.clone(),
            }),
        }
    }

    /// One API server, or several of the same version.
    pub fn single(version: Version) -> Self {
        Self {
            oldest: version.clone(),
            newest: version,
        }
    }

    /// Whether `component` at `version` may run with these API servers.
    ///
    /// # Errors
    /// [`Violation::TooNew`] or [`Violation::TooOld`].
    pub fn allow(&self, component: Component, version: &Version) -> Result<(), Violation> {
        if minors(version, &self.oldest) > component.ahead() {
            return Err(Violation::TooNew {
                component,
                version: version.clone(),
                bound: self.oldest.clone(),
            });
        }
        let allowed = component.behind(version.minor());
        if minors(&self.newest, version) > allowed {
            return Err(Violation::TooOld {
                component,
                version: version.clone(),
                bound: self.newest.clone(),
                allowed,
            });
        }
        Ok(())
    }
}

impl Component {
    /// How many minors it may be newer than the oldest API server.
    fn ahead(self) -> i64 {
        i64::from(self == Self::Kubectl)
    }

    /// How many minors it may be older than the newest API server. Kubelets and proxies before 1.25 only two.
    fn behind(self, own: Minor) -> i64 {
        match self {
            Self::Kubelet | Self::KubeProxy => kubelet_window(own),
            Self::ControllerManager
            | Self::Scheduler
            | Self::CloudControllerManager
            | Self::Kubectl => 1,
        }
    }
}

/// Rule 3: kube-proxy may be three minors older or newer than the kubelet beside it (two before 1.25).
///
/// # Errors
/// [`Violation::ProxyFromKubelet`].
pub fn allow_proxy_beside(kubelet: &Version, proxy: &Version) -> Result<(), Violation> {
    let allowed = kubelet_window(proxy.minor());
    if minors(proxy, kubelet).max(minors(kubelet, proxy)) <= allowed {
        return Ok(());
    }
    Err(Violation::ProxyFromKubelet {
        proxy: proxy.clone(),
        kubelet: kubelet.clone(),
        allowed,
    })
}

/// Whether an API server (and so a cluster) may go from one version to another in one upgrade.
///
/// The suffix of a vendor does not matter: between builds of one release there is no upgrade order.
///
/// # Errors
/// [`Violation::SkipsMinor`] or [`Violation::Downgrade`].
pub fn allow_upgrade(from: &Version, to: &Version) -> Result<(), Violation> {
    if to.release() < from.release() {
        return Err(Violation::Downgrade {
            from: from.clone(),
            to: to.clone(),
        });
    }
    if minors(to, from) <= 1 {
        return Ok(());
    }
    Err(Violation::SkipsMinor {
        from: from.clone(),
        to: to.clone(),
        through: Minor {
            major: from.minor().major,
            minor: from.minor().minor + 1,
        },
    })
}

fn kubelet_window(own: Minor) -> i64 {
    if own
        >= (Minor {
            major: 1,
            minor: 25,
        })
    {
        3
    } else {
        2
    }
}

/// How many minors `left` is ahead of `right`; across majors, more than any rule allows.
fn minors(left: &Version, right: &Version) -> i64 {
    let ahead = left.minor().ahead_of(right.minor());
    ahead.unwrap_or(i64::MAX)
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::CloudControllerManager => "cloud-controller-manager",
            Self::Kubectl => "kubectl",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minor: i64) -> Version {
        Version::new(1, minor as u64, 3)
    }

    /// Every pair of API servers and component over a range that crosses the 1.25 border, against the policy's table.
    #[test]
    fn every_combination_follows_the_table() {
        for oldest in 20..40 {
            for newest in oldest..oldest + 2 {
                let servers = ApiServers::new(&[at(newest), at(oldest)]).unwrap().unwrap();
                for own in 18..42 {
                    let window = if own >= 25 { 3 } else { 2 };
                    for (component, ahead, behind) in [
                        (Component::Kubelet, 0, window),
                        (Component::KubeProxy, 0, window),
                        (Component::ControllerManager, 0, 1),
                        (Component::Scheduler, 0, 1),
                        (Component::CloudControllerManager, 0, 1),
                        (Component::Kubectl, 1, 1),
                    ] {
                        let expected = own <= oldest + ahead && own >= newest - behind;
                        let found = servers.allow(component, &at(own)).is_ok();
                        assert_eq!(
                            found, expected,
                            "{component} 1.{own} with {oldest}..{newest}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn api_servers_are_at_most_one_minor_apart() {
        assert!(ApiServers::new(&[at(36), at(37)]).is_ok());
        assert!(ApiServers::new(&[at(36), at(38)]).is_err());
        assert_eq!(ApiServers::new(&[]), Ok(None));
    }

    #[test]
    fn upgrades_skip_no_minor_and_never_go_down() {
        for from in 30..38 {
            for to in 30..38 {
                let found = allow_upgrade(&at(from), &at(to));
                assert_eq!(
                    found.is_ok(),
                    to == from || to == from + 1,
                    "{from} to {to}"
                );
            }
        }
        let error = allow_upgrade(&at(34), &at(36)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an upgrade from v1.34.3 to v1.36.3 skips a minor; upgrade to 1.35 first"
        );
        assert!(allow_upgrade(&Version::new(1, 36, 4), &Version::new(1, 36, 3)).is_err());
    }

    #[test]
    fn a_vendor_suffix_does_not_make_an_upgrade_or_a_downgrade() {
        let builds = [
            "1.36.4",
            "1.36.4+k3s1",
            "1.36.4+k3s2",
            "1.36.4-eks-1",
            "1.36.4-gke.5",
        ];
        let builds: Vec<Version> = builds.iter().map(|text| text.parse().unwrap()).collect();
        for from in &builds {
            for to in &builds {
                assert_eq!(allow_upgrade(from, to), Ok(()), "{from} to {to}");
                let servers = ApiServers::new(&[from.clone(), to.clone()])
                    .unwrap()
                    .unwrap();
                assert_eq!(servers.allow(Component::Kubelet, from), Ok(()));
            }
            let (older, newer) = (Version::new(1, 36, 3), Version::new(1, 36, 5));
            assert_eq!(allow_upgrade(from, &newer), Ok(()), "{from}");
            assert!(allow_upgrade(from, &older).is_err(), "{from}");
            assert!(allow_upgrade(&newer, from).is_err(), "{from}");
            let candidate = "1.36.4-rc.1+k3s1".parse().unwrap();
            assert!(allow_upgrade(from, &candidate).is_err(), "{from}");
        }
    }

    #[test]
    fn a_proxy_is_near_its_kubelet() {
        for kubelet in 20..40 {
            for proxy in 20..40 {
                let window: i64 = if proxy >= 25 { 3 } else { 2 };
                let found = allow_proxy_beside(&at(kubelet), &at(proxy)).is_ok();
                assert_eq!(
                    found,
                    (kubelet - proxy).abs() <= window,
                    "{kubelet} {proxy}"
                );
            }
        }
    }

    #[test]
    fn majors_are_never_mixed() {
        let servers = ApiServers::single(Version::new(1, 37, 0));
        assert!(
            servers
                .allow(Component::Kubelet, &Version::new(2, 0, 0))
                .is_err()
        );
        assert!(
            servers
                .allow(Component::Kubelet, &Version::new(0, 37, 0))
                .is_err()
        );
    }
}

#!/bin/sh
# Brings this node to TRIREME_VERSION with kubeadm. Runs in the Job that `cluster` pins to a drained node, with the host
# at /host; see README.md. Safe to run twice: kubeadm upgrades to a version that is already there without harm.
set -eu

: "${TRIREME_VERSION:?the wanted version, e.g. v1.37.2}"
: "${TRIREME_NODE:?the name of this node}"
# Where the node fetches kubeadm, kubelet and kubectl, each with a .sha256 beside it.
: "${BINARIES:=https://dl.k8s.io/release}"

say() {
    echo "node $TRIREME_NODE: $*"
}

on_host() {
    nsenter --target 1 --mount --uts --ipc --net --pid -- "$@"
}

architecture() {
    case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *)
        say "no Kubernetes release for $(uname -m)" >&2
        return 1
        ;;
    esac
}

# Puts the program beside its place, checks it, and only then renames it into place.
fetch() {
    program=$1
    url="$BINARIES/$TRIREME_VERSION/bin/linux/$(architecture)/$program"
    say "fetching $url"
    on_host curl -fsSL --retry 5 --max-time 600 -o "/usr/bin/$program.new" "$url"
    sum=$(on_host curl -fsSL --retry 5 --max-time 60 "$url.sha256" | cut -d ' ' -f 1)
    echo "$sum  /usr/bin/$program.new" | on_host sha256sum -c -
    on_host chmod 755 "/usr/bin/$program.new"
    on_host mv "/usr/bin/$program.new" "/usr/bin/$program"
}

# The first control-plane node decides; the others and the workers follow the cluster's own configuration.
upgrade() {
    if [ -e /host/etc/kubernetes/manifests/kube-apiserver.yaml ] && ! cluster_is_new; then
        say "kubeadm upgrade apply $TRIREME_VERSION"
        on_host kubeadm upgrade apply --yes "$TRIREME_VERSION"
    else
        say "kubeadm upgrade node"
        on_host kubeadm upgrade node
    fi
}

# Whether another control-plane node has already brought the cluster's configuration to the version.
cluster_is_new() {
    on_host kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system \
        get configmap kubeadm-config --output 'jsonpath={.data.ClusterConfiguration}' |
        grep -q "kubernetesVersion: $TRIREME_VERSION\$"
}

fetch kubeadm
upgrade
fetch kubectl
fetch kubelet
on_host systemctl daemon-reload
on_host systemctl restart kubelet
say "kubelet restarted; it reports its version when it is Ready"

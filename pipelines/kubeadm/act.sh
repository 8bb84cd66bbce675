#!/bin/sh
# Brings this node to TRIREME_VERSION with kubeadm. Runs in the Job that `cluster` pins to a drained node, with the host
# at /host; see README.md. Safe to run twice: kubeadm upgrades to a version that is already there without harm.
set -eu

: "${TRIREME_VERSION:?the wanted version, e.g. v1.37.2}"
: "${TRIREME_NODE:?the name of this node}"
: "${TRIREME_IMAGES:?JSON, name to verified REPOSITORY@DIGEST}"
# Where the host's file system is mounted.
: "${HOST:=/host}"
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

is_control_plane() {
    [ -e "$HOST/etc/kubernetes/manifests/kube-apiserver.yaml" ]
}

# The verified reference of one image, REPOSITORY@DIGEST.
reference() {
    printf '%s' "$TRIREME_IMAGES" | grep -o "\"$1\":\"[^\"@]*@sha256:[0-9a-f]\{64\}\"" | cut -d '"' -f 4
}

# kubeadm starts images by tag, we verified digests: the tag must name the same image, or nothing is upgraded.
pull() {
    wanted=$(reference "$1")
    if [ -z "$wanted" ]; then
        say "TRIREME_IMAGES names no digest for $1: mirror, scan and sign it, and name it in the images of the put" >&2
        return 1
    fi
    tagged="${wanted%@*}:$TRIREME_VERSION"
    say "pulling $tagged"
    on_host crictl pull "$tagged"
    if ! on_host crictl inspecti "$tagged" | grep -qF "\"$wanted\""; then
        say "$tagged is not the verified image: expected $wanted; was the tag moved?" >&2
        return 1
    fi
}

pull_all() {
    pull kube-proxy
    if is_control_plane; then
        for image in kube-apiserver kube-controller-manager kube-scheduler; do
            pull "$image"
        done
    fi
}

# The first control-plane node decides; the others and the workers follow the cluster's own configuration. When that cannot
# be read, nothing is decided and the act fails.
upgrade() {
    if is_control_plane; then
        configuration=$(on_host kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system \
            get configmap kubeadm-config --output 'jsonpath={.data.ClusterConfiguration}')
        if ! echo "$configuration" | grep -q "kubernetesVersion: $TRIREME_VERSION\$"; then
            say "kubeadm upgrade apply $TRIREME_VERSION"
            on_host kubeadm upgrade apply --yes "$TRIREME_VERSION"
            return
        fi
    fi
    say "kubeadm upgrade node"
    on_host kubeadm upgrade node
}

pull_all
fetch kubeadm
upgrade
fetch kubectl
fetch kubelet
on_host systemctl daemon-reload
on_host systemctl restart kubelet
say "kubelet restarted; it reports its version when it is Ready"

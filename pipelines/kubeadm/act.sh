#!/bin/sh
# Brings this node to TRIREME_VERSION with kubeadm. Runs in the Job that `cluster` pins to a drained node, with the host
# at /host; see README.md. Safe to run twice: kubeadm upgrades to a version that is already there without harm.
set -eu

: "${TRIREME_VERSION:?the wanted version, e.g. v1.37.2}"
: "${TRIREME_NODE:?the name of this node}"
: "${TRIREME_IMAGES:?JSON, name to verified REPOSITORY@DIGEST}"
# Where the host's file system is mounted.
: "${HOST:=/host}"
# Where this image has kubeadm, kubelet and kubectl: the node gets what was scanned and signed with it, and fetches nothing.
: "${PROGRAMS:=/programs}"

say() {
    echo "node $TRIREME_NODE: $*"
}

on_host() {
    nsenter --target 1 --mount --uts --ipc --net --pid -- "$@"
}

# What a program of this image says of its version.
told() {
    case $1 in
    kubeadm) "$PROGRAMS/kubeadm" version --output short ;;
    kubelet) "$PROGRAMS/kubelet" --version ;;
    kubectl) "$PROGRAMS/kubectl" version --client ;;
    esac
}

# Programs of another release, or for another machine, are found before anything is touched.
check_programs() {
    for program in kubeadm kubelet kubectl; do
        if ! version=$(told "$program"); then
            say "$PROGRAMS/$program of this image does not run on $(uname -m): is it there, and for this machine?" >&2
            return 1
        fi
        if ! echo "$version" | tr ' ' '\n' | grep -qxF "$TRIREME_VERSION"; then
            say "$PROGRAMS/$program of this image is not $TRIREME_VERSION: $version; make the image of that tag anew" >&2
            return 1
        fi
    done
}

# Puts the program beside its place, and only then renames it into place.
place() {
    say "placing $1"
    cp "$PROGRAMS/$1" "$HOST/usr/bin/$1.new"
    chmod 755 "$HOST/usr/bin/$1.new"
    mv "$HOST/usr/bin/$1.new" "$HOST/usr/bin/$1"
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

check_programs
pull_all
place kubeadm
upgrade
place kubectl
place kubelet
on_host systemctl daemon-reload
on_host systemctl restart kubelet
say "kubelet restarted; it reports its version when it is Ready"

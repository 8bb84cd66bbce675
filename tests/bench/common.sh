# shellcheck shell=bash
# What the benchmarks share: where things are, the peers, the program under test, a registry, medians, figures.
# A benchmark sources this first, from the root of the tree.
set -euo pipefail

CACHE=${TRIREME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trireme}
export PATH="$CACHE/bin:$PATH"
WORK=$(mktemp -d)
registry_pid=
end_registry() { [ -z "$registry_pid" ] || kill "$registry_pid" 2>/dev/null || true; }
trap 'end_registry; rm -rf "$WORK"' EXIT

# Installs peers that are not there, by their names in tests/peers/install, and says what the figures are of.
begin() { # PEER…
  tests/peers/install "$@" >&2
  local peers
  peers=$(tests/peers/install --list | grep -E "^($(IFS='|'; echo "$*")) " | grep -v '^debian ' | paste -sd, | sed 's/,/, /g')
  echo "on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(awk '/MemTotal/ {printf "%.0f", $2 / 1048576}' /proc/meminfo) GiB, $(uname -sr), load $(cut -d' ' -f1 /proc/loadavg)"
  echo "of $(date -u +%F), commit $(git rev-parse --short HEAD 2>/dev/null || echo none), beside $peers"
}

# Sets PROGRAM to the release program of a package, as its image ships it, unless it names another build already.
build() { # PACKAGE
  [ -z "${PROGRAM:-}" ] || return 0
  local programs
  programs=$(containers/compile)
  PROGRAM=$programs/$1
}

# Starts a real registry on loopback and sets `host` to its address.
start_registry() {
  printf 'version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' \
    "$WORK/registry" >"$WORK/registry.yml"
  registry serve "$WORK/registry.yml" >/dev/null 2>"$WORK/registry.log" &
  registry_pid=$!
  local deadline=$((SECONDS + 30)) port=
  until [ -n "$port" ]; do
    [ $SECONDS -lt $deadline ] || { echo "the registry did not start" >&2; exit 1; }
    sleep 0.1
    port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$WORK/registry.log")
  done
  # shellcheck disable=SC2034 # for who sources this
  host=localhost:$port
}

# Runs a command with standard input from $WORK/input and appends its milliseconds to $WORK/NAME.
timed() { # NAME COMMAND…
  local name=$1 started=$EPOCHREALTIME ended
  shift
  "$@" <"$WORK/input" >"$WORK/stdout" 2>"$WORK/stderr" || { cat "$WORK/stderr" >&2; return 1; }
  ended=$EPOCHREALTIME
  awk -v a="$started" -v b="$ended" 'BEGIN {printf "%.1f\n", (b - a) * 1000}' >>"$WORK/$name"
}

median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# Prints one figure; ours and the peer's are divided by DIVISOR (default 1).
figure() { # NAME OURS PEER [DIVISOR]
  awk -v n="$1" -v o="$2" -v p="$3" -v by="${4:-1}" 'BEGIN {printf "figure %s %.1f %.1f %.2g\n", n, o / by, p / by, o / p}'
}

# Prints the figure of two files of milliseconds, $WORK/NAME.ours and $WORK/NAME.peer.
figure_of_medians() { # NAME
  figure "$1-ms" "$(median "$WORK/$1.ours")" "$(median "$WORK/$1.peer")"
}

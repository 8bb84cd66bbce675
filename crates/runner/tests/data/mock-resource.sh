#!/bin/sh
# A resource for tests. Its source names a folder, `home`: `versions` holds one version per line, `calls` is its log.
# Params (all texts): `v` the version that out makes, `exit` an exit code, `wait` a file to wait for, `say` a line for stderr,
# `secret` what the metadata of in says, `die` a signal by which it ends after it wrote half of its files.
verb=$1 dest=$2 request=$(cat)
field() { printf '%s' "$request" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
home=$(field home)
printf '%s %s\n' "$verb" "$request" >>"$home/calls"
say=$(field say); [ -z "$say" ] || echo "$say" >&2
exit=$(field exit)
[ "$exit" != 3 ] || printf '\033[31m%s\033[0m\n' "$say" >&2 # in colour, as real resources write
wait=$(field wait)
if [ -n "$wait" ]; then
  trap 'echo interrupted >&2; touch "$home/interrupted"; exit 75' TERM
  touch "$home/waiting"
  while [ ! -e "$wait" ]; do sleep 0.02; done
fi
die=$(field die)
if [ -n "$die" ]; then
  echo half >"$dest/half"
  kill -"$die" $$
fi
if [ -n "$exit" ]; then
  [ "$verb" = check ] || echo half >"$dest/half"
  exit "$exit"
fi
case $verb in
check)
  printf '['; comma=
  while read -r v; do printf '%s{"v":"%s"}' "$comma" "$v"; comma=,; done <"$home/versions"
  printf ']' ;;
in)
  v=$(field v)
  echo "$v" >"$dest/v"
  secret=$(field secret)
  printf '{"version":{"v":"%s"},"metadata":[{"name":"colour","value":"%s"}]}' "$v" "${secret:-red}" ;;
out)
  v=$(field v)
  [ -e "$dest/$v" ] && v=$(cat "$dest/$v")
  ls "$dest" >"$home/seen"
  echo "$v" >>"$home/versions"
  printf '{"version":{"v":"%s"}}' "$v" ;;
esac

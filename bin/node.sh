#!/bin/sh
# Runs the machine's own Node when it is new enough for this program, and else the Node that `npm ci` installs.
set -f
IFS=:
for folder in $PATH; do
  case $folder in '' | */node_modules/.bin) continue ;; esac
  [ -x "$folder/node" ] || continue
  version=$("$folder/node" --version 2>/dev/null)
  case $version in v[0-9]*.[0-9]*) ;; *) continue ;; esac
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  if [ "$major" -gt 22 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 19 ]; }; then exec "$folder/node" "$@"; fi
done
installed=${0%/*}/../node_modules/.bin/node
[ -x "$installed" ] && exec "$installed" "$@"
# A version that is too old reports this. Without any Node, the shell reports it.
exec node "$@"

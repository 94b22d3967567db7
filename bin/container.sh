#!/bin/sh
# Starts the program in an image, with the permissions of the runtime that it needs. With both engines elsewhere it runs
# no other program and writes no file. The embedded engines are child processes and threads, and write their data. A
# small space for young objects saves memory: a receiver takes as much processor time with 4 MB as with 8, less than with 2.
file=$(readlink -f "$0")
set -- "${file%/*}/threeqpr.js" "$@"
if [ -n "${NATS_URL-}${NATS_URL_FILE-}" ] && [ -n "${DATABASE_URL-}${DATABASE_URL_FILE-}" ]; then
  engines=elsewhere
else
  engines=embedded
fi

if command -v deno >/dev/null; then
  [ $engines = elsewhere ] || set -- --allow-run "--allow-write=${DATA_DIR:-data},/tmp" "$@"
  exec deno run --no-prompt --cached-only --quiet --v8-flags=--max-semi-space-size=4 --allow-net --allow-env --allow-read \
    --allow-sys=hostname,homedir,uid,gid,statfs,userInfo "$@"
fi
[ $engines = elsewhere ] ||
  set -- --allow-child-process --allow-worker "--allow-fs-write=${DATA_DIR:-data}" --allow-fs-write=/tmp "$@"
exec node --max-semi-space-size=4 --permission --disable-warning=SecurityWarning "--allow-fs-read=*" "$@"

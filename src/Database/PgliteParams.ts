/**
 * How PGlite starts Postgres, given its own parameters. Postgres fills its buffer cache with zeros when it starts, and
 * its default of 128 MB takes a third of that time. The system caches the same files, so a small one is enough.
 * Without progress reports of a recovery, Postgres leaves no timer behind that repeats and keeps the process alive.
 */
export const paramsOf = ({ defaultStartParams }: { readonly defaultStartParams: ReadonlyArray<string> }) => [
  ...defaultStartParams,
  "-c",
  "shared_buffers=16MB",
  "-c",
  "log_startup_progress_interval=0"
]

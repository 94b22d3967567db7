import process from "node:process"

/** The environment variables that a child process receives. Any other variable can be a secret. */
const passed = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  "GOMAXPROCS",
  "GOMEMLIMIT",
  // apt-get needs these behind a proxy.
  "http_proxy",
  "https_proxy",
  "no_proxy"
]

/** Options that keep our secrets out of a child process. */
export const withoutSecrets = () => ({
  env: Object.fromEntries(
    passed.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]])
  ),
  extendEnv: false
})

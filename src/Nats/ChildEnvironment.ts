import process from "node:process"

/** What a child process is given of our environment. Everything else can be a secret. */
const passed = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  "GOMAXPROCS",
  "GOMEMLIMIT",
  // What apt-get needs where the network is behind a proxy.
  "http_proxy",
  "https_proxy",
  "no_proxy"
]

/** Options of a child process that keep our secrets from it. */
export const withoutSecrets = () => ({
  env: Object.fromEntries(
    passed.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]])
  ),
  extendEnv: false
})

/** The names and addresses of this machine. */
const loopback = ["localhost", "127.0.0.1", "::1", "[::1]"]

/**
 * Excludes this machine from the proxy that `HTTP_PROXY` names. Deno uses the proxy for every request, and Node does
 * with `NODE_USE_ENV_PROXY`. No proxy can reach a private listener that is bound to loopback. Call this in the first
 * lines of a program: it changes the environment of the process.
 */
export const bypassForLoopback = (environment: Record<string, string | undefined>) => {
  const named = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].some((name) =>
    environment[name] !== undefined || environment[name.toLowerCase()] !== undefined
  )
  if (!named) return
  const given = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(",").map((host) =>
    host.trim()
  )
  const hosts = [...new Set([...given, ...loopback])].filter((host) => host !== "").join(",")
  environment["no_proxy"] = hosts
  environment["NO_PROXY"] = hosts
}

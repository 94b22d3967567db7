/** Whether others cannot read what is sent there: HTTPS, or this machine. */
export const isSafe = (url: string) => {
  const { hostname, protocol } = URL.parse(url) ?? {}
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname ?? ""))
}

/** Whether a host is this machine, under a name that no other machine can have. */
export const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** Whether data sent to this address stays private: over HTTPS, or on this machine. */
export const isSafe = (url: string) => {
  const { hostname, protocol } = URL.parse(url) ?? {}
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname ?? ""))
}

/** Whether a host is this machine, by a name that no other machine can have. */
export const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/** Whether an address contains a user or a password. */
export const hasCredentials = (url: string) => {
  const { password, username } = URL.parse(url) ?? {}
  return Boolean(username || password)
}

/** An address for display, without its user and password. */
export const withoutCredentials = (text: string) => text.replace(/(\/\/)[^/?#]*@/, "$1…@")

import { isIP } from "node:net"
import { isLoopback } from "../../Process/Config.ts"

/** The names that the private listener answers to. */
export interface Names {
  /** The address or name on which the listener is bound. */
  readonly host: string
  /** Further names, such as that of a reverse proxy. */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
}

/** The name or address of a `Host` header or of an origin's host, without its port, in lower case. */
export const nameOf = (host: string): string => host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "")

/** Whether an operator has allowed this name. */
export const isAllowed = (name: string, { allowedHosts = [] }: Names): boolean =>
  allowedHosts.some((allowed) => nameOf(allowed) === name)

/**
 * Whether a `Host` is a name that an attacker's page cannot have (DNS rebinding). Such a page has a public name, and
 * a public name has a dot. Addresses, names of this machine and names of containers are therefore safe. Without a
 * token only names of this machine are safe.
 */
export const isSafeName = (name: string, guarded: boolean, names: Names): boolean =>
  isLoopback(name) || isAllowed(name, names) || (guarded && (
    isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0 || !name.includes(".") || name === nameOf(names.host)
  ))

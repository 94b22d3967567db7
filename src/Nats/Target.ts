import { Redacted } from "effect"
import type { Credentials } from "./Credentials.ts"
import type { Limits } from "./Limits.ts"

/** The broker to connect to, and the credentials. Paths name files. */
export interface Target extends Credentials {
  /** `nats://` addresses use TLS if the server offers it. One `tls://` address requires TLS of all servers. */
  readonly servers: ReadonlyArray<string>
  /** A file here makes TLS mandatory. */
  readonly tls?: TlsFiles | undefined
  /**
   * Prefix of every inbox; `_INBOX` if undefined. With a separate prefix for each user, other users cannot read the
   * replies.
   */
  readonly inboxPrefix?: string | undefined
  /** Limits that the account sets for streams and consumers. */
  readonly limits?: Limits | undefined
  /** Number of connection attempts at start, half a second apart; 20 if undefined. */
  readonly attempts?: number | undefined
}

export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Credentials as plain values, for programs without Effect. */
export interface PlainCredentials {
  readonly token?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Path of a NATS credentials file. */
  readonly credentialsFile?: string | undefined
  /** Paths of PEM files. */
  readonly tls?: TlsFiles | undefined
}

/** The same credentials with redacted secrets. */
export const redacted = ({ credentialsFile, password, tls, token, user }: PlainCredentials) => ({
  token: token === undefined ? undefined : Redacted.make(token),
  user,
  password: password === undefined ? undefined : Redacted.make(password),
  credentialsFile,
  tls
})

/** One tls:// address is enough to require TLS, because all servers get the same credentials. */
export const demandsTls = ({ servers, tls }: Target) =>
  tls !== undefined || servers.some((server) => parse(server)?.protocol === "tls:")

/** Adds the user and the password of an address, unless they are set separately. */
export const withUrlCredentials = (target: Target): Credentials => {
  const url = target.servers.map(parse).find((server) => server?.username)
  if (!url) return target
  return {
    ...target,
    user: target.user ?? decodeURIComponent(url.username),
    password: target.password ?? Redacted.make(decodeURIComponent(url.password))
  }
}

/** The options of the NATS client for these files. */
export const tlsOf = (files: TlsFiles) => ({
  ...(files.ca !== undefined && { caFile: files.ca }),
  ...(files.cert !== undefined && { certFile: files.cert }),
  ...(files.key !== undefined && { keyFile: files.key })
})

/** Parses an address; null when it is not one. */
export const parse = (server: string) => URL.parse(server.includes("://") ? server : `nats://${server}`)

/** An address without its user and password, for the client and for messages. */
export const withoutCredentials = (server: string) => {
  const url = parse(server)
  return url ? `${url.protocol}//${url.host}` : server
}

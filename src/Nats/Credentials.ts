import { Redacted, Schema } from "effect"
import {
  type Authenticator,
  credsAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator
} from "nats"
import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import { messageOf } from "../Process/Failure.ts"

/** Credentials of a connection. Paths name files, which are read again for each connection. */
export interface Credentials {
  readonly token?: Redacted.Redacted<string> | undefined
  /** File with the token. Takes precedence over `token`. */
  readonly tokenFile?: string | undefined
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
  /** File with the password. Takes precedence over `password`. */
  readonly passwordFile?: string | undefined
  readonly credentialsFile?: string | undefined
}

/** A file of credentials or certificates cannot be read or has invalid content. */
export class CredentialsUnreadable
  extends Schema.TaggedError<CredentialsUnreadable>()("CredentialsUnreadable", {
    variable: Schema.String,
    file: Schema.String,
    cause: Schema.Defect()
  })
{
  override get message() {
    return `${this.variable} is ${JSON.stringify(this.file)}. That file cannot be used: ${
      messageOf(this.cause)
    }`
  }
  get remedy() {
    return `Set ${this.variable} to a file that this user can read.`
  }
}

export interface Login {
  readonly authenticators: Array<Authenticator>
  /** The error of a file that could be read before. Undefined while all files can be read. */
  readonly fault: () => string | undefined
}

/**
 * The authenticators that the client runs for each connection. If a file becomes unusable, the credentials read last
 * stay in use, because the client closes permanently if an authenticator throws. Throws `CredentialsUnreadable` if a
 * file cannot be used at the start.
 */
export const loginOf = (credentials: Credentials): Login => {
  const { credentialsFile, password, passwordFile, token, tokenFile, user } = credentials
  const files: Array<Reread> = []
  const reread = (variable: string, file: string, check: (bytes: Uint8Array) => void) => {
    const made = new Reread(variable, file, check)
    files.push(made)
    return made.read
  }
  const secretOf = (
    variable: string,
    file: string | undefined,
    secret: Redacted.Redacted<string> | undefined
  ) => {
    const read = file === undefined ? undefined : reread(`${variable}_FILE`, file, notEmpty)
    return read === undefined
      ? secret && (() => Redacted.value(secret))
      : () => textOf(read())
  }
  const tokenNow = secretOf("NATS_TOKEN", tokenFile, token)
  const passwordNow = secretOf("NATS_PASSWORD", passwordFile, password)
  const creds = credentialsFile === undefined
    ? undefined
    : reread("NATS_CREDS", credentialsFile, (bytes) => void credsAuthenticator(bytes)("nonce"))
  return {
    authenticators: [
      ...(creds ? [credsAuthenticator(creds)] : []),
      ...(tokenNow ? [tokenAuthenticator(tokenNow)] : []),
      ...(user !== undefined ? [usernamePasswordAuthenticator(user, passwordNow)] : [])
    ],
    fault: () => files.map(({ fault }) => fault).find((fault) => fault !== undefined)
  }
}

/** Throws if a file cannot be read. Otherwise the client would only fail at each connection. */
export const checkReadable = (variable: string, file: string | undefined) => {
  if (file !== undefined) readChecked(variable, file, () => undefined)
}

/** A file that is read at each use. While it cannot be used, `read` returns the last good content. */
class Reread {
  readonly #variable: string
  readonly #file: string
  readonly #check: (bytes: Uint8Array) => void
  #good: Uint8Array
  fault: string | undefined

  constructor(variable: string, file: string, check: (bytes: Uint8Array) => void) {
    this.#variable = variable
    this.#file = file
    this.#check = check
    this.#good = readChecked(variable, file, check)
  }

  readonly read = (): Uint8Array => {
    try {
      this.#good = readChecked(this.#variable, this.#file, this.#check)
      this.fault = undefined
    } catch (error) {
      this.fault = messageOf(error)
    }
    return this.#good
  }
}

const readChecked = (variable: string, file: string, check: (bytes: Uint8Array) => void) => {
  try {
    const bytes = readFileSync(file)
    check(bytes)
    return bytes
  } catch (cause) {
    throw new CredentialsUnreadable({ variable, file, cause })
  }
}

const notEmpty = (bytes: Uint8Array) => {
  if (textOf(bytes) === "") throw new Error("it is empty")
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString().trim()

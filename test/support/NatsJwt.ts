import { nkeys } from "nats"
import { Buffer } from "node:buffer"
import { randomUUID } from "node:crypto"

/** A NATS key pair, used for signatures and identities. */
interface KeyPair {
  readonly getPublicKey: () => string
  readonly getSeed: () => Uint8Array
  readonly sign: (bytes: Uint8Array) => Uint8Array
}

const unlimited = { subs: -1, data: -1, payload: -1 }

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const jwt = (
  issuer: KeyPair,
  subject: KeyPair,
  name: string,
  nats: Readonly<Record<string, unknown>>,
  seconds?: number
) => {
  const now = Math.floor(Date.now() / 1_000)
  const claims = {
    jti: randomUUID(),
    iat: now,
    ...(seconds !== undefined && { exp: now + seconds }),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    nats: { version: 2, ...nats }
  }
  const signed = `${encoded({ typ: "JWT", alg: "ed25519-nkey" })}.${encoded(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`
}

/** The settings of a broker with one operator and account, and the credentials file of one of its users. */
export const operated = () => {
  const operator: KeyPair = nkeys.createOperator()
  const account: KeyPair = nkeys.createAccount()
  const system: KeyPair = nkeys.createAccount()
  const user: KeyPair = nkeys.createUser()
  const limits = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const accounts = {
    [account.getPublicKey()]: jwt(operator, account, "account", {
      type: "account",
      limits: { ...limits, ...storage }
    }),
    [system.getPublicKey()]: jwt(operator, system, "system", { type: "account", limits })
  }
  const credentials = (seconds?: number) =>
    credentialsOf(
      jwt(account, user, "user", { type: "user", ...unlimited, pub: {}, sub: {} }, seconds),
      Buffer.from(user.getSeed()).toString()
    )
  return {
    settings: {
      operator: jwt(operator, operator, "operator", { type: "operator" }),
      system_account: system.getPublicKey(),
      resolver: "MEMORY",
      resolver_preload: accounts
    },
    credentials: credentials(),
    /** Credentials of the same user that expire after this number of seconds. */
    expiring: credentials
  }
}

const credentialsOf = (userJwt: string, seed: string) =>
  [
    "-----BEGIN NATS USER JWT-----",
    userJwt,
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    ""
  ].join("\n")

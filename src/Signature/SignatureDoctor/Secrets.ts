import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import { isActive, type Secret } from "../../Domain/Secret.ts"
import type { Cause, Variant } from "./Cause.ts"

/** A secret, and a label that may be shown in its place. */
export interface KnownSecret {
  readonly label: string
  readonly secret: Redacted.Redacted<string>
  /** Whether the secret is no longer active, so that the ingress refuses it. */
  readonly old?: boolean | undefined
}

/** The configured secrets with labels that may be shown; expired secrets come last. */
export const labelled = (secrets: ReadonlyArray<Secret>, now: number): ReadonlyArray<KnownSecret> =>
  secrets.map((secret, index): KnownSecret =>
    isActive(secret, now)
      ? {
        label: secrets.length === 1 ? "the active secret" : `active secret ${index + 1}`,
        secret: secret.value
      }
      : { label: `secret ${index + 1}, which has expired`, secret: secret.value, old: true }
  ).toSorted((one, other) => Number(one.old ?? false) - Number(other.old ?? false))

/** A key that may have been used to sign. */
export interface Key extends Variant {
  readonly label: string
}

/** The keys to try: the secrets unchanged, then common alterations of each, without repetition. */
export const keysOf = (secrets: ReadonlyArray<KnownSecret>): ReadonlyArray<Key> => {
  const asTheyAre = secrets.map(({ label, old, secret }) => ({
    label,
    bytes: Buffer.from(Redacted.value(secret)),
    causes: old ? [oldSecret] : []
  }))
  const changed = secrets.flatMap(({ label, old, secret }) =>
    changesOf(Redacted.value(secret)).map(([cause, bytes]): Key => ({
      label,
      bytes,
      causes: [...(old ? [oldSecret] : []), cause]
    }))
  )
  const none = secrets.length > 0
    ? [{ label: "an empty secret", bytes: Buffer.alloc(0), causes: [emptySecret] }]
    : []
  const seen = new Set<string>()
  return [...asTheyAre, ...changed, ...none].filter(({ bytes }) => {
    const text = Buffer.from(bytes).toString("latin1")
    return !seen.has(text) && seen.add(text)
  })
}

const changesOf = (secret: string): ReadonlyArray<readonly [Cause, Buffer]> => {
  const bare = secret.trim().replace(/^(["'`])(.*)\1$/s, "$2").trim()
  const unprefixed = bare.replace(/^whsec_/, "")
  const texts: ReadonlyArray<readonly [Cause, string]> = [
    [surroundedHere, bare],
    ...["\n", "\r\n", " "].map((end) => [surroundedThere, bare + end] as const),
    [surroundedThere, ` ${bare}`],
    ...[`"`, "'"].map((quote) => [surroundedThere, quote + bare + quote] as const),
    unprefixed === bare ? [prefixThere, `whsec_${bare}`] : [prefixHere, unprefixed]
  ]
  return [
    ...texts.map(([cause, text]) => [cause, Buffer.from(text)] as const),
    ...[unprefixed, bare].flatMap(decoded)
  ]
}

const decoded = (text: string): ReadonlyArray<readonly [Cause, Buffer]> => {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/")
  return [
    ...(/^([0-9a-f]{2}){4,}$/i.test(text) ? [[hexDecoded, Buffer.from(text, "hex")] as const] : []),
    ...(/^[A-Za-z0-9+/]{8,}={0,2}$/.test(standard)
      ? [[base64Decoded, Buffer.from(standard, "base64")] as const]
      : [])
  ]
}

const asItStands = "The key is the whole text of the secret, from `whsec_` to its last character."

const oldSecret: Cause = {
  cause: "old_secret",
  explanation: "The request was signed with a secret that is no longer active here.",
  remedy:
    "If you still expect requests with that secret, add it to THREEQPR_WEBHOOK_SECRET, after the new secret "
    + "and a comma; otherwise update the sender."
}
const surroundedHere: Cause = {
  cause: "secret_surrounded_here",
  explanation:
    "The secret that is set here has quotes or white space around it. The sender's secret does not.",
  remedy: "Set THREEQPR_WEBHOOK_SECRET without them; an `.env` file or a shell may have kept the quotes."
}
const surroundedThere: Cause = {
  cause: "secret_surrounded_there",
  explanation:
    "The sender's secret has quotes, a space or a line break around it. The secret that is set here has "
    + "not.",
  remedy:
    "Remove them where the request is signed: `echo -n` writes no line break, and reading a file needs a "
    + "trim."
}
const prefixHere: Cause = {
  cause: "secret_prefix_left_out",
  explanation: "The sender left out `whsec_`, which is part of the secret.",
  remedy: `Sign with the whole secret. ${asItStands}`
}
const prefixThere: Cause = {
  cause: "secret_prefix_missing_here",
  explanation: "The sender's secret begins with `whsec_`. The secret that is set here does not.",
  remedy: `Set THREEQPR_WEBHOOK_SECRET to the whole secret. ${asItStands}`
}
const hexDecoded: Cause = {
  cause: "secret_decoded_as_hex",
  explanation: "The sender decoded the secret as hex and signed with the bytes.",
  remedy: `Sign with the text. ${asItStands}`
}
const base64Decoded: Cause = {
  cause: "secret_decoded_as_base64",
  explanation:
    "The sender decoded the secret as base64 and signed with the bytes, as some other providers do.",
  remedy: `Sign with the text. ${asItStands}`
}
const emptySecret: Cause = {
  cause: "empty_secret",
  explanation: "The request was signed with an empty secret.",
  remedy: "Set the secret at the sender. Its variable is probably unset."
}

import { Buffer } from "node:buffer"
import { isSecretText, leastLength } from "../Domain/SecretText.ts"
import { type Problem as Mismatch, signatureOf, verifierOf } from "./Verifier.ts"

export { header } from "./Verifier.ts"

/** A body as it was received, before any parser has processed it. */
export type Body = string | Uint8Array | ArrayBuffer

/** Why a signature is refused. */
export type Problem = "missing_signature" | Mismatch

/** The value of the header `X-3QPR-Signature` for a body. Throws a `TypeError` when an argument is wrong. */
export const sign = (body: Body, secret: string): string =>
  signatureOf(bytesOf(body), secretsOf([secret])[0] ?? "")

/**
 * Whether 3QPR signed a body: true when the signature matches under any of the secrets. Throws a `TypeError` when the
 * body or a secret is wrong, but never because of the signature.
 */
export const verify = (
  body: Body,
  signature: string | null | undefined,
  secrets: string | ReadonlyArray<string>
): boolean => problemOf(body, signature, secrets) === undefined

/** Like `verify`, but returns the reason of a refusal; undefined when 3QPR signed the body. */
export const problemOf = (
  body: Body,
  signature: string | null | undefined,
  secrets: string | ReadonlyArray<string>
): Problem | undefined => {
  const verifier = verifierOf(secretsOf(secrets))
  const bytes = bytesOf(body)
  return typeof signature === "string" ? verifier(bytes, signature) : "missing_signature"
}

const bytesOf = (body: unknown): Uint8Array => {
  if (typeof body === "string") return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  const given = body === null ? "null" : typeof body === "object" ? "an object" : typeof body
  throw new TypeError(
    `The body is ${given}; allowed is a string, a Uint8Array or an ArrayBuffer. Pass the body as it arrived, before it is `
      + "parsed: JSON that is parsed and serialized again has another signature."
  )
}

/** Validates the secrets. Otherwise a missing or damaged secret would only show as signatures that never match. */
const secretsOf = (secrets: unknown): ReadonlyArray<string> => {
  const list: ReadonlyArray<unknown> = Array.isArray(secrets) ? secrets : [secrets]
  const texts = list.filter((secret) => typeof secret === "string")
  const wrong = list.findIndex((secret) =>
    typeof secret !== "string" || !isSecretText(secret) || isSetting(secret)
  )
  if (list.length > 0 && wrong < 0) return texts
  const given = list.length === 0
    ? "The list of secrets is empty"
    : `Secret ${wrong + 1} is ${faultOf(list[wrong])}`
  throw new TypeError(
    `${given}; allowed is the text that 3QPR gave when the webhook was registered: at least ${leastLength} characters, `
      + "without line breaks."
  )
}

const faultOf = (secret: unknown) =>
  typeof secret !== "string"
    ? secret === null ? "null" : typeof secret
    : secret.length < leastLength
    ? `too short (${secret.length} characters)`
    : isSetting(secret)
    ? "the text of a setting with several secrets, or with an expiry; pass a list of the active secrets"
    : "text that contains a control character"

/**
 * Whether a text is a value for THREEQPR_WEBHOOK_SECRET instead of a single secret. Used as a secret, it would never
 * match.
 */
const isSetting = (secret: string) => /,|;\s*until\s*=/i.test(secret)

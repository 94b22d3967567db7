import { Buffer } from "node:buffer"
import type { Cause } from "./Cause.ts"

/** One interpretation of the header: a hex digest of an algorithm, possibly truncated. */
export interface Reading {
  readonly algorithm: Algorithm
  /** In lower case; shorter than the algorithm's digest when it was truncated. */
  readonly hex: string
  /** Empty for a header in the format of 3QPR. */
  readonly causes: ReadonlyArray<Cause>
}

export type Algorithm = "sha256" | "sha1" | "sha512"

/** All interpretations of a header's value; empty when it contains no digest. */
export const readingsOf = (signature: string): ReadonlyArray<Reading> => {
  if (signature.length > longest) return []
  const values = signature.split(",")
  const repeated = values.length > 1 ? [repeatedHeader] : []
  return values.slice(0, 8).flatMap((value) =>
    readingsOfOne(value, repeated.length > 0).map((reading) => ({
      ...reading,
      causes: [...repeated, ...reading.causes]
    }))
  )
}

/** Longer than any header that a server accepts. */
const longest = 8_192

const readingsOfOne = (value: string, isPart: boolean): ReadonlyArray<Reading> => {
  const bare = value.replace(surrounding, "")
  const wrapped = bare === (isPart ? value.trim() : value) ? [] : [wrappedHeader]
  const [, prefix, rest] = withPrefix.exec(bare) ?? [undefined, undefined, bare]
  return digestsOf(rest ?? "").map(({ algorithm, causes, hex }) => ({
    algorithm,
    hex,
    causes: [...wrapped, ...prefixCauses(prefix, algorithm), ...causes]
  }))
}

const surrounding = /^[\s"'`<>]+|[\s"'`<>;]+$/g
const withPrefix = /^((?:hmac[-_])?(?:sha-?\d+|v\d+)\s*[=:]\s*)(.*)$/is

const prefixCauses = (prefix: string | undefined, algorithm: Algorithm) => {
  if (prefix === undefined) return [prefixMissing]
  return prefix === `${algorithm}=` ? [] : [prefixWrong]
}

const digestsOf = (text: string): ReadonlyArray<Reading> => {
  if (/^[0-9a-f]+$/i.test(text)) return hexDigestsOf(text.toLowerCase(), [])
  const bytes = base64(text)
  if (bytes === undefined) return []
  const asText = bytes.toString("latin1")
  return [
    ...hexDigestsOf(bytes.toString("hex"), [base64Digest]).filter(isWhole),
    ...(/^[0-9a-f]+$/i.test(asText)
      ? hexDigestsOf(asText.toLowerCase(), [base64OfHex]).filter(isWhole)
      : [])
  ]
}

const hexDigestsOf = (hex: string, causes: ReadonlyArray<Cause>): ReadonlyArray<Reading> => {
  const whole = algorithms.find((algorithm) => digits[algorithm] === hex.length)
  if (whole === "sha256") return [{ algorithm: whole, hex, causes }]
  if (whole !== undefined) {
    return [
      { algorithm: whole, hex, causes: [...causes, otherAlgorithm(whole)] },
      // A SHA-256 digest may have been truncated to exactly this length.
      ...(whole === "sha1" ? [{ algorithm: "sha256", hex, causes: [...causes, cutDigest] } as const] : [])
    ]
  }
  if (hex.length < fewestDigits) return []
  return hex.length < digits.sha256
    ? [{ algorithm: "sha256", hex, causes: [...causes, cutDigest] }]
    : [{ algorithm: "sha256", hex: hex.slice(0, digits.sha256), causes: [...causes, longDigest] }]
}

const isWhole = ({ algorithm, hex }: Reading) => hex.length === digits[algorithm]

const algorithms = ["sha256", "sha1", "sha512"] as const
const digits: Record<Algorithm, number> = { sha256: 64, sha1: 40, sha512: 128 }

/** Minimum number of digits. A shorter digest could match by chance: 16 digits are 64 bits. */
const fewestDigits = 16

const base64 = (text: string) => {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/")
  return /^[A-Za-z0-9+/]{20,}={0,2}$/.test(standard) ? Buffer.from(standard, "base64") : undefined
}

const sendAs = "Send the header as `X-3QPR-Signature: sha256=` and the 64 hex digits of the HMAC-SHA256."

const repeatedHeader: Cause = {
  cause: "repeated_header",
  explanation: "The header was sent more than once, or contains a list, and one of its values is correct.",
  remedy: "Let exactly one sender or proxy set X-3QPR-Signature; remove the others."
}
const wrappedHeader: Cause = {
  cause: "wrapped_header",
  explanation: "The signature is correct, but has spaces, quotes or other characters around it.",
  remedy: "Remove the quotes and spaces where the header is set or passed on."
}
const prefixMissing: Cause = {
  cause: "prefix_missing",
  explanation: "The digest is correct, but `sha256=` is missing before it.",
  remedy: sendAs
}
const prefixWrong: Cause = {
  cause: "prefix_wrong",
  explanation: "The digest is correct, but its prefix is not `sha256=` in lower case.",
  remedy: sendAs
}
const base64Digest: Cause = {
  cause: "base64_digest",
  explanation: "The digest is correct, but it is written in base64, not in hex.",
  remedy: `${sendAs} In most libraries that is \`digest("hex")\` or \`hexdigest()\`.`
}
const base64OfHex: Cause = {
  cause: "base64_of_hex",
  explanation: "The digest is correct, but its hex digits were then encoded in base64.",
  remedy: `${sendAs} Remove the base64 step.`
}
const cutDigest: Cause = {
  cause: "cut_digest",
  explanation: "The signature is correct, but its end is cut off.",
  remedy: "Look for a length limit or a shortened display where the header was passed on or copied."
}
const longDigest: Cause = {
  cause: "long_digest",
  explanation: "The signature is correct, but more digits follow its 64.",
  remedy: sendAs
}
const otherAlgorithm = (algorithm: Algorithm): Cause => ({
  cause: "other_algorithm",
  explanation: `The signature was made with ${algorithm === "sha1" ? "SHA-1" : "SHA-512"}, not SHA-256.`,
  remedy: `Sign with HMAC-SHA256. ${sendAs}`
})

import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import * as Signature from "./Signature.ts"
import { bodiesOf } from "./SignatureDoctor/Bodies.ts"
import type { Cause } from "./SignatureDoctor/Cause.ts"
import { type Algorithm, type Reading, readingsOf } from "./SignatureDoctor/Header.ts"
import { type Key, keysOf, type KnownSecret } from "./SignatureDoctor/Secrets.ts"

export { type KnownSecret, labelled } from "./SignatureDoctor/Secrets.ts"

/** A request as it was received. */
export interface Captured {
  /** The raw bytes, before any parser has processed them. */
  readonly body: Uint8Array
  /** The header's value; values of a repeated header are joined with commas. */
  readonly signature: string | undefined
  /** The active secrets first, then old ones. */
  readonly secrets: ReadonlyArray<KnownSecret>
}

/** A cause under which the signature matches. */
export interface Found {
  /** The name of the cause; several causes that apply together are joined with `+`. */
  readonly cause: string
  readonly explanation: string
  readonly remedy: string
  /** The label of the secret that matches. */
  readonly secret: string
}

export interface Diagnosis {
  /** The verdict of the ingress on the request. */
  readonly result: "valid" | "missing_signature" | Signature.Problem
  /** The check that failed, or the last one that passed. Checks run in this order. */
  readonly check: "present" | "single" | "well_formed" | "matches"
  readonly summary: string
  /** The label of the active secret that matches. */
  readonly secret?: string
  /** The causes that were found, most likely first. */
  readonly causes: ReadonlyArray<Found>
  /** The causes that are still possible when none was found. */
  readonly remaining: ReadonlyArray<string>
  /** False when the body was too large to try every cause. */
  readonly complete: boolean
}

/**
 * Returns the verdict of the ingress on a signature. If it does not match, also returns the known causes under which
 * it does. Changes of the body, the secret and the header are tried, alone and together. The work is bounded. The
 * result contains no secret, key or digest, so it can be logged.
 */
export const diagnose = ({ body, secrets, signature }: Captured): Diagnosis => {
  if (signature === undefined) return { ...missing, causes: [], complete: true }
  const active = secrets.filter(({ old }) => !old)
  const problem = Signature.verifier(active.map(({ secret }) => secret))(body, signature)
  if (problem === undefined) {
    const fits = active.find(({ secret }) => Signature.verifier([secret])(body, signature) === undefined)
    const secret = fits?.label ?? ""
    const summary = `The signature is valid: it was made with ${secret} over exactly these bytes.`
    return { result: "valid", check: "matches", summary, secret, causes: [], remaining: [], complete: true }
  }
  const readings = readingsOf(signature)
  const { causes, complete } = search(body, secrets, readings)
  return {
    ...failureOf(problem, signature),
    causes,
    remaining: causes.length > 0 ? [] : remainingOf(readings.length > 0, complete),
    complete
  }
}

/** Maximum number of bytes hashed for one diagnosis, which takes some tenths of a second. */
const mostHashed = 256 * 1024 * 1024

/**
 * Tries the smallest combinations of causes first. After a match, it finishes the combinations of that size and
 * stops.
 */
const search = (body: Uint8Array, secrets: ReadonlyArray<KnownSecret>, readings: ReadonlyArray<Reading>) => {
  const algorithms = [...new Set(readings.map(({ algorithm }) => algorithm))]
  const keys = keysOf(secrets)
  const bodies = bodiesOf(body)
  const attempts = bodies.variants.flatMap((variant, rank) =>
    keys.map((key, keyRank) => ({ variant, key, rank: rank + keyRank }))
  ).toSorted((one, other) => weightOf(one) - weightOf(other) || one.rank - other.rank)
  const found: Array<{ readonly count: number; readonly cause: Found }> = []
  const fewest = () => Math.min(...found.map(({ count }) => count))
  let hashed = 0
  for (const attempt of attempts) {
    if (weightOf(attempt) > fewest()) break
    const { key, variant } = attempt
    for (const algorithm of algorithms) {
      hashed += variant.bytes.length
      if (hashed > mostHashed) return { causes: sorted(found, fewest()), complete: false }
      const hex = macOf(algorithm, key, variant.bytes)
      for (const reading of readings) {
        if (reading.algorithm !== algorithm || !hex.startsWith(reading.hex)) continue
        const causes = [...variant.causes, ...key.causes, ...reading.causes]
        found.push({ count: causes.length, cause: together(causes, key) })
      }
    }
  }
  return { causes: sorted(found, fewest()), complete: bodies.complete }
}

const weightOf = ({ key, variant }: { key: Key; variant: { causes: ReadonlyArray<Cause> } }) =>
  variant.causes.length + key.causes.length

const macOf = (algorithm: Algorithm, { bytes }: Key, body: Uint8Array) =>
  createHmac(algorithm, Buffer.from(bytes)).update(body).digest("hex")

const sorted = (found: ReadonlyArray<{ readonly count: number; readonly cause: Found }>, fewest: number) => [
  ...new Map(
    found.filter(({ count }) => count === fewest).map((
      { cause }
    ) => [cause.explanation + cause.secret, cause])
  ).values()
]

const together = (causes: ReadonlyArray<Cause>, key: Key): Found => ({
  cause: causes.map(({ cause }) => cause).join("+"),
  explanation: causes.map(({ explanation }) => explanation).join(" Also: "),
  remedy: [...new Set(causes.map(({ remedy }) => remedy))].join(" "),
  secret: key.label
})

const missing = {
  result: "missing_signature",
  check: "present",
  summary: "The request has no X-3QPR-Signature header.",
  remaining: [
    "The sender does not sign its requests. Only requests with 3QPR's signature are accepted.",
    "A proxy or gateway removes the header. Configure it to pass on X-3QPR-Signature.",
    "The header was left out when the request was captured."
  ]
} as const

const failureOf = (problem: Signature.Problem, signature: string) => {
  if (problem === "ambiguous_signature") {
    return {
      result: problem,
      check: "single",
      summary: "The request has more than one X-3QPR-Signature header, or one that contains a comma."
    } as const
  }
  return Signature.isWellFormed(signature)
    ? {
      result: problem,
      check: "matches",
      summary: "The signature is well formed, but no active secret gives this signature for these bytes."
    } as const
    : {
      result: problem,
      check: "well_formed",
      summary:
        `The header is malformed: it has ${signature.length} characters, and must be \`sha256=\` and 64 hex `
        + "digits."
    } as const
}

const remainingOf = (hasDigest: boolean, complete: boolean) =>
  hasDigest
    ? [
      "The request is forged: its sender does not know the secret.",
      "It was signed with a secret that is not known here. 3QPR shows a webhook's secret only once. If it is "
      + "lost, register the webhook again.",
      "The body was changed in a way that cannot be undone, such as reordered keys, rounded numbers or lost "
      + "characters. The body must be the raw bytes as received, captured before any parser or editor.",
      ...(complete ? [] : ["The body is large, so not every cause and combination of causes was tried."])
    ]
    : [
      "The header contains no digest to compare. Check the program that sets it. 3QPR sends `sha256=` and 64 "
      + "hex digits."
    ]

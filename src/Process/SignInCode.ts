import { Clock, Effect, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"

/** How long a sign-in link is valid, in milliseconds. */
export const validFor = 10 * 60_000

const nonceLength = 16
const headLength = nonceLength + 6

/**
 * The address of the dashboard with a code that can be exchanged once for the token. The code follows `#`, so that
 * browsers send it to no server and put it into no `Referer`. Everyone who has the token can create a link.
 */
export const linkTo = (url: string, token: Redacted.Redacted<string>) =>
  Effect.map(Clock.currentTimeMillis, (now) => `${url}/#sign-in=${codeOf(token, now)}`)

const codeOf = (token: Redacted.Redacted<string>, now: number) => {
  const head = Buffer.alloc(headLength)
  head.set(randomBytes(nonceLength))
  head.writeUIntBE(now, nonceLength, 6)
  return Buffer.concat([head, signatureOf(token, head)]).toString("base64url")
}

const signatureOf = (token: Redacted.Redacted<string>, head: Uint8Array) =>
  createHmac("sha256", Redacted.value(token)).update("threeqpr-events sign-in\0").update(head).digest()

/**
 * Returns a function that accepts each code once. Codes that were created before the process started are refused,
 * because it is unknown which of them were used.
 */
export const make = (token: Redacted.Redacted<string>, started: number) => {
  const used = new Map<string, number>()
  return (code: string, now: number): boolean => {
    const bytes = Buffer.from(code, "base64url")
    const head = bytes.subarray(0, headLength)
    const expected = signatureOf(token, head)
    const signature = bytes.subarray(headLength)
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return false
    const made = head.readUIntBE(nonceLength, 6)
    if (made < started || Math.abs(now - made) >= validFor) return false
    for (const [nonce, end] of used) if (end <= now) used.delete(nonce)
    const nonce = head.toString("hex")
    if (used.has(nonce)) return false
    used.set(nonce, made + validFor)
    return true
  }
}

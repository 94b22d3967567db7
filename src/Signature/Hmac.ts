import { Buffer } from "node:buffer"
import { createHash, hash } from "node:crypto"

/** Computes the hex HMAC-SHA256 of a body. */
export type Hmac = (body: Uint8Array) => string

/**
 * HMAC-SHA256 with one key, by its definition (RFC 2104) and two one-shot hashes. For a body of 600 bytes this is
 * faster than `createHmac`, which creates an object for each call.
 */
export const hmacSha256 = (secret: string): Hmac => {
  const key = Buffer.from(secret, "utf8")
  const block = Buffer.alloc(blockSize)
  block.set(key.length > blockSize ? createHash("sha256").update(key).digest() : key)
  const inner = Buffer.alloc(blockSize + reused)
  const outer = Buffer.alloc(blockSize + digestSize)
  for (const [at, byte] of block.entries()) {
    inner[at] = byte ^ 0x36
    outer[at] = byte ^ 0x5c
  }
  return (body) => {
    // Decode a hex digest here, because that is fastest. On Deno it takes a third of the time of a digest as bytes,
    // or of decoding by `Buffer`.
    writeHex(outer, blockSize, hash("sha256", keyed(inner, body), "hex"))
    return hash("sha256", outer, "hex")
  }
}

const keyed = (inner: Buffer, body: Uint8Array): Buffer => {
  if (body.length > reused) return Buffer.concat([inner.subarray(0, blockSize), body])
  inner.set(body, blockSize)
  return inner.subarray(0, blockSize + body.length)
}

const writeHex = (target: Buffer, at: number, hex: string) => {
  for (let from = 0; from < hex.length; from += 2) {
    target[at + from / 2] = (digit(hex.charCodeAt(from)) << 4) | digit(hex.charCodeAt(from + 1))
  }
}

/** The value of a lower-case hex digit. */
const digit = (code: number) => code <= 0x39 ? code - 0x30 : code - 0x57

const blockSize = 64
const digestSize = 32

/** Bodies up to this size, in bytes, are hashed in a reused buffer. */
const reused = 8_192

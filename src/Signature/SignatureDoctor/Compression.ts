import { Buffer } from "node:buffer"
import * as Zlib from "node:zlib"
import type { Cause, Variant } from "./Cause.ts"

/** The body decompressed (to 16 MiB at most), and compressed as programs commonly do. */
export const compressions = (body: Uint8Array): ReadonlyArray<Variant> => [
  ...inflaters(body).flatMap(([name, inflate]) => {
    const bytes = attempt(() => inflate(body, { maxOutputLength }))
    return bytes === undefined ? [] : [{ bytes, causes: [stillCompressed(name)] }]
  }),
  ...(body.length > largestCompressed ? [] : deflations(body))
]

const maxOutputLength = 16 * 1024 * 1024

/** Larger bodies are not compressed, in bytes: it is slow and rarely finds a cause. */
const largestCompressed = 64 * 1024

const inflaters = (body: Uint8Array) => {
  const [first, second] = body
  if (first === 0x1f && second === 0x8b) return [["gzip", Zlib.gunzipSync] as const]
  if (first === openBrace || first === openBracket) return []
  return [
    ["deflate", Zlib.inflateSync] as const,
    ["deflate", Zlib.inflateRawSync] as const,
    ["brotli", Zlib.brotliDecompressSync] as const
  ]
}

const openBrace = 0x7b
const openBracket = 0x5b

const deflations = (body: Uint8Array): ReadonlyArray<Variant> => {
  const levels = [6, 9, 1]
  const gzip = levels.flatMap((level) => {
    const bytes = Zlib.gzipSync(body, { level })
    return systems.map((system) => ["gzip", Buffer.from(bytes).fill(system, 9, 10)] as const)
  })
  const deflate = levels.map((level) => ["deflate", Zlib.deflateSync(body, { level })] as const)
  const brotli = [11, 5, 4].map((quality) =>
    [
      "brotli",
      Zlib.brotliCompressSync(body, { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: quality } })
    ] as const
  )
  return [...gzip, ...deflate, ...brotli].map(([name, bytes]) => ({ bytes, causes: [decompressed(name)] }))
}

// The operating system field of gzip's header: Unix, unknown, FAT, macOS (RFC 1952, and zlib's zutil.h).
const systems = [3, 255, 0, 19]

const attempt = (inflate: () => Buffer) => {
  try {
    return inflate()
  } catch {
    return undefined
  }
}

const stillCompressed = (name: string): Cause => ({
  cause: "still_compressed",
  explanation: `The signed body is the text. This body is its ${name} compression.`,
  remedy:
    "Send the body uncompressed (it is refused with Content-Encoding), or capture it after decompression."
})

const decompressed = (name: string): Cause => ({
  cause: "decompressed",
  explanation:
    `The signed body is the ${name} compression of this body; a program on the way decompressed it.`,
  remedy: "Sign the body before it is compressed, or turn off decompression in the proxy."
})

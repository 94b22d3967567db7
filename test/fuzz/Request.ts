import { Buffer } from "node:buffer"
import * as Signature from "../../src/Signature/Signature.ts"
import { between, type Means, pick } from "./Case.ts"

export const webhook = "/webhooks/3qpr"

/** The bytes of a request head, with these lines and the final blank line. */
export const head = (lines: ReadonlyArray<string>, requestLine = `POST ${webhook} HTTP/1.1`) =>
  Buffer.from([requestLine, "Host: localhost", ...lines, "", ""].join("\r\n"), "latin1")

/** A complete delivery with its length, with or without a signature header. */
export const delivery = (
  body: Uint8Array,
  signature: string | undefined,
  more: ReadonlyArray<string> = []
) =>
  Buffer.concat([
    head([
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      ...(signature === undefined ? [] : [`${Signature.header}: ${signature}`]),
      ...more
    ]),
    body
  ])

/** Any complete request with its length. */
export const request = (requestLine: string, body: Uint8Array, more: ReadonlyArray<string> = []) =>
  Buffer.concat([head([`Content-Length: ${body.length}`, ...more], requestLine), body])

/** The length of a body that no route reads. On Deno a body of 140 kB has blocked the connection. */
export const unreadLength = ({ draw }: Means) => pick(draw, [0, 0, 0, 1, 2_000, 140_000, 300_000])

/** A delivery as 3QPR sends it. */
export const authentic = (
  { ledger }: Pick<Means, "ledger">,
  body: Uint8Array,
  more: ReadonlyArray<string> = []
) => delivery(body, ledger.sign(body), more)

/** Splits bytes into at most `most` pieces of random lengths. */
export const pieces = ({ draw }: Means, bytes: Uint8Array, most: number): ReadonlyArray<Uint8Array> => {
  const cuts = Array.from({ length: between(draw, 0, most - 1) }, () => between(draw, 0, bytes.length))
  const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((to, index) => bytes.subarray(edges[index], to)).filter(({ length }) =>
    length > 0
  )
}

/** A chunk of a chunked body. */
export const chunk = (bytes: Uint8Array, extension = "") =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`), bytes, Buffer.from("\r\n")])

export const lastChunk = Buffer.from("0\r\n\r\n")

import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { between, type Kind, type Means, pick } from "../Case.ts"
import { authentic, chunk, head } from "../Request.ts"

/** One fixed event for each size, so that the stream does not fill up. */
const padded = ({ ledger }: Means, size: number) =>
  Buffer.from(`{"id":"evt_${ledger.run}_of_${size}","event":"menu.opened","data":{}}`.padEnd(size))

const someSignature = `${Signature.header}: sha256=${"0".repeat(64)}`

export const sizes: ReadonlyArray<Kind> = [
  {
    kind: "at the limit",
    weight: 0.3,
    make: (means) => {
      const body = padded(means, means.maxBodyBytes - between(means.draw, 0, 1))
      return { steps: [authentic(means, body)], answers: [[200]], bodies: [body] }
    }
  },
  {
    kind: "one over the limit",
    weight: 0.3,
    make: (means) => ({
      steps: [authentic(means, padded(means, means.maxBodyBytes + 1))],
      answers: [[413]],
      mayClose: true
    })
  },
  {
    kind: "declared too long",
    weight: 1,
    make: ({ draw }) => ({
      steps: [head([`Content-Length: ${pick(draw, ["1048577", "99999999999", "9007199254740993"])}`])],
      answers: [[413]],
      unfinished: true
    })
  },
  {
    kind: "length beyond numbers",
    weight: 1,
    make: ({ draw }) => ({
      steps: [head([`Content-Length: ${pick(draw, ["18446744073709551616", "9".repeat(40), "1e9"])}`])],
      answers: [[400, 413]],
      mayClose: true
    })
  },
  {
    kind: "chunks without end",
    weight: 0.4,
    make: ({ draw, maxBodyBytes }) => {
      const size = pick(draw, [1_000, 16_384, 65_536])
      const one = chunk(Buffer.alloc(size, "x"))
      const count = Math.ceil((maxBodyBytes * (1 + draw())) / size)
      return {
        steps: [
          head(["Transfer-Encoding: chunked", someSignature]),
          ...Array.from({ length: count }, () => one)
        ],
        answers: [[413]],
        mayClose: true
      }
    }
  },
  {
    kind: "chunks of a byte without end",
    weight: 0.1,
    make: ({ draw }) => {
      const one = Buffer.from("1\r\nx\r\n".repeat(between(draw, 1_000, 20_000)))
      return {
        steps: [
          head(["Transfer-Encoding: chunked", someSignature]),
          ...Array.from({ length: 10 }, () => one),
          Buffer.from("0\r\n\r\n")
        ],
        answers: [[400, 413]],
        mayClose: true
      }
    }
  },
  {
    kind: "chunk size that is none",
    weight: 1,
    make: ({ draw }) => ({
      steps: [
        head(["Transfer-Encoding: chunked", someSignature]),
        Buffer.from(
          pick(draw, [
            "FFFFFFFFFFFFFFFFF\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            "g\r\n",
            "\r\n",
            "5\nhello",
            " 5\r\nhello"
          ])
        ),
        "half-close"
      ],
      answers: [[400, 413]],
      mayClose: true
    })
  }
]

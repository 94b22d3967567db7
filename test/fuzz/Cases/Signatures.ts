import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { between, type Kind, type Means, pick } from "../Case.ts"
import { otherSecret, secret } from "../Ledger.ts"
import { delivery, head } from "../Request.ts"

/** Header values for a body that 3QPR did not sign. Each function changes the right signature, or ignores it. */
const forged: Readonly<
  Record<string, (right: string, body: Uint8Array, means: Means) => string | undefined>
> = {
  "no signature": () => undefined,
  "empty signature": () => "",
  "short signature": (right, _, { draw }) => right.slice(0, between(draw, 1, right.length - 1)),
  "long signature": (right, _, { draw }) => right + pick(draw, ["0", "00", right.slice(7), "=", "g"]),
  "not hex": (right, _, { draw }) => {
    const at = between(draw, 7, right.length - 1)
    return right.slice(0, at) + pick(draw, ["g", " ", "-", "%", "{"]) + right.slice(at + 1)
  },
  "not ASCII": (right) => `sha256=${"\xe9".repeat(64)}${right.slice(0, 0)}`,
  "another prefix": (right, _, { draw }) =>
    pick(draw, ["", "SHA256=", "sha1=", "sha512=", "sha256:", "v1=", "sha256=sha256="]) + right.slice(7),
  "signature in quotes": (right) => `"${right}"`,
  "signature in base64": (right) => `sha256=${Buffer.from(right.slice(7), "hex").toString("base64")}`,
  "signature twice in one": (right) => `${right}, ${right}`,
  "one digit off": (right, _, { draw }) => {
    const at = between(draw, 7, right.length - 1)
    const digit = Number.parseInt(right[at] ?? "0", 16) ^ between(draw, 1, 15)
    return right.slice(0, at) + digit.toString(16) + right.slice(at + 1)
  },
  "another secret": (_, body) => Signature.sign(body, otherSecret),
  "zeros": () => `sha256=${"0".repeat(64)}`
}

const forgery = (means: Means, value: (right: string, body: Uint8Array) => string | undefined) => {
  const body = means.ledger.event({ forged: true })
  // Not recorded in the ledger: no client sends this body with its right signature.
  return { steps: [delivery(body, value(Signature.sign(body, secret), body))], answers: [[400]] }
}

export const signatures: ReadonlyArray<Kind> = [
  ...Object.entries(forged).map(([kind, value]): Kind => ({
    kind,
    weight: 1,
    make: (means) => forgery(means, (right, body) => value(right, body, means))
  })),
  {
    kind: "two signatures",
    weight: 1,
    make: (means) => {
      const body = means.ledger.event({ forged: true })
      const right = Signature.sign(body, secret)
      const other = Signature.sign(body, otherSecret)
      const lines = pick(means.draw, [[right, right], [other, right], [right, other], ["", right], [
        right,
        ""
      ]])
        .map((value) => `${Signature.header}: ${value}`)
      return {
        steps: [Buffer.concat([head([`Content-Length: ${body.length}`, ...lines]), body])],
        answers: [[400]]
      }
    }
  },
  {
    kind: "signature of another body",
    weight: 2,
    make: ({ draw, ledger }) => {
      const signed = ledger.event({ city: "Bern" })
      const text = signed.toString()
      const changed = pick(draw, [
        Buffer.from(text.replace("Bern", "Basl")),
        Buffer.from(`\uFEFF${text}`),
        Buffer.from(`${text}\n`),
        Buffer.from(text.replaceAll(":", ": ")),
        signed.subarray(0, -1),
        Buffer.concat([signed, signed]),
        Buffer.alloc(0)
      ])
      return { steps: [delivery(changed, Signature.sign(signed, secret))], answers: [[400]] }
    }
  }
]

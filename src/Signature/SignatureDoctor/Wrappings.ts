import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { type Cause, passRaw, type Variant } from "./Cause.ts"
import { textOf } from "./Charset.ts"

/**
 * Variants of the body that are wrapped in or unwrapped from JSON, a form or an encoding, or replaced by its digest.
 */
export const wrappings = (body: Uint8Array): ReadonlyArray<Variant> => {
  const text = textOf(body)
  const hex = Buffer.from(body).toString("hex")
  const variants: ReadonlyArray<readonly [Cause, string | Uint8Array | undefined]> = [
    [emptyBody, ""],
    [digestSigned, createHash("sha256").update(body).digest("hex")],
    [digestSigned, createHash("sha256").update(body).digest()],
    [encodedHere, text && decoded(text)],
    [encodedThere, Buffer.from(body).toString("base64")],
    [encodedThere, hex],
    [quotedHere, text && unquoted(text)],
    [quotedThere, text && JSON.stringify(text)],
    ...(text?.startsWith("payload=")
      ? [[formHere, new URLSearchParams(text).get("payload") ?? ""] as const]
      : []),
    [formThere, text && new URLSearchParams({ payload: text }).toString()]
  ]
  return variants.flatMap(([cause, bytes]) =>
    bytes === undefined ? [] : [{ bytes: Buffer.from(bytes), causes: [cause] }]
  )
}

const decoded = (text: string) => {
  const base64 = text.replaceAll(/[\r\n]/g, "").trim()
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, "base64") : undefined
}

const unquoted = (text: string) => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}

const emptyBody: Cause = {
  cause: "empty_body_signed",
  explanation: "An empty body was signed.",
  remedy: "The signer read the body too early or too late. Sign the bytes that are sent. With a GET or a "
    + "redirect the body is lost: deliver to the final address."
}
const digestSigned: Cause = {
  cause: "digest_signed",
  explanation: "The SHA-256 digest of the body was signed instead of the body.",
  remedy: "Sign the raw body itself."
}
const encodedHere: Cause = {
  cause: "body_encoded_here",
  explanation: "This body is the base64 encoding of the signed body.",
  remedy: "Decode it first. Gateways such as AWS API Gateway pass on a body in this form (`isBase64Encoded`)."
}
const encodedThere: Cause = {
  cause: "body_encoded_there",
  explanation: "The base64 or hex text of the body was signed instead of the body.",
  remedy: "Sign the raw body itself."
}
const quotedHere: Cause = {
  cause: "double_encoded_here",
  explanation: "The body is a JSON string that contains the signed JSON: it was encoded twice.",
  remedy: `${passRaw}; remove the second \`JSON.stringify\`.`
}
const quotedThere: Cause = {
  cause: "double_encoded_there",
  explanation: "The signed body is this body encoded as JSON a second time.",
  remedy: "Sign the text that is sent; remove the second `JSON.stringify`."
}
const formHere: Cause = {
  cause: "form_here",
  explanation: "The body is a form. Its field `payload` holds the signed text.",
  remedy: "Deliver as application/json: the body is then the JSON itself."
}
const formThere: Cause = {
  cause: "form_there",
  explanation: "The signed body is a form with this body in its field `payload`.",
  remedy: "Sign and deliver as application/json: the body is then the JSON itself."
}

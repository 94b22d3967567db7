import { createHmac, timingSafeEqual } from "node:crypto"

const secret = process.env.THREEQPR_WEBHOOK_SECRET

/** Whether 3QPR signed the raw body. */
export const isSigned = (body, signature) => {
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`)
  const given = Buffer.from(String(signature))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

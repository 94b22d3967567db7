import type { Delivery } from "./Delivery.ts"

/** How deliveries are forged, so that a receiver must refuse them. */
export type Forgery = "tamper" | "unsigned"

/** The last message: why the responses are right, or what is wrong with them. */
export type Verdict = { readonly right: string | undefined } | { readonly wrong: string }

/** Whether a response refuses the signature of a delivery. Other receivers respond with 401. */
export const isRefused = ({ status }: Pick<Delivery, "status">) => status === 400 || status === 401

/** Judges the responses: forged deliveries must be refused, and all others accepted. */
export const verdictOf = (deliveries: ReadonlyArray<Delivery>, forgery: Forgery | undefined): Verdict =>
  forgery === undefined ? allAccepted(deliveries) : allRefused(deliveries, forgery)

const allAccepted = (deliveries: ReadonlyArray<Delivery>): Verdict => {
  const refused = deliveries.filter(({ status }) => status !== 200)
  if (refused.length === 0) return { right: undefined }
  const hint = refused.some(({ answer, status }) => status === 400 && answer.includes("invalid_signature"))
    ? " The receiver uses a different secret: give it with --secret-file, or run `threeqpr doctor signature`."
    : ""
  return { wrong: `${refused.length} of ${deliveries.length} deliveries were not accepted.${hint}` }
}

const allRefused = (deliveries: ReadonlyArray<Delivery>, forgery: Forgery): Verdict => {
  const others = deliveries.filter((delivery) => !isRefused(delivery))
  if (others.length === 0) {
    return { right: `The refusal is the expected result: ${whatIsWrong[forgery]}.` }
  }
  const accepted = others.some(({ status }) => status < 300)
    ? " The receiver must not accept requests without 3QPR's signature."
    : ""
  return {
    wrong: `${others.length} of ${deliveries.length} deliveries were not refused with 400 or 401.${accepted}`
  }
}

const whatIsWrong: Readonly<Record<Forgery, string>> = {
  tamper: "--tamper changes the body after it is signed",
  unsigned: "--unsigned sends no signature"
}

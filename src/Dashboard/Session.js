import { signal } from "@preact/signals"

const key = "token"

/** The bearer token. It is kept while this tab is open, and never in a URL, a cookie or another tab. */
export const token = signal(sessionStorage.getItem(key) ?? "")

/** Whether the listener requires a token that this page does not have; `refused` when it refused the given one. */
export const signIn = signal(/** @type {"no" | "needed" | "refused"} */ ("no"))

/** Why the sign-in link was refused. */
export const linkProblem = signal("")

/** Asks for the token if there is none. @param {string} reason */
export const refuseLink = (reason) => {
  if (token.value !== "") return
  linkProblem.value = reason
  signIn.value = "needed"
}

/** Sets the token; an empty one shows the sign-in form. @param {string} value */
export const useToken = (value) => {
  signIn.value = value ? "no" : "needed"
  linkProblem.value = ""
  token.value = value
  if (value) sessionStorage.setItem(key, value)
  else sessionStorage.removeItem(key)
}

/** Handles a 401 response to a request with this token. @param {string} used */
export const unauthorized = (used) => {
  // Another token was entered meanwhile.
  if (used !== token.value) return
  if (used) signIn.value = "refused"
  else if (signIn.value === "no") signIn.value = "needed"
  token.value = ""
  sessionStorage.removeItem(key)
}

/** The headers that authenticate a request. */
export const credentials = () => /** @type {Record<string, string>} */ (
  token.value ? { authorization: `Bearer ${token.value}` } : {}
)

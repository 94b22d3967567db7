import { signal } from "@preact/signals"

const key = "token"

/** The bearer token, for as long as this tab lives; never in a URL, a cookie or another tab. */
export const token = signal(sessionStorage.getItem(key) ?? "")

/** Whether the listener has asked for a token that we do not have; `refused` when it did not want ours. */
export const signIn = signal(/** @type {"no" | "needed" | "refused"} */ ("no"))

/** Why the sign-in link was refused. */
export const linkProblem = signal("")

/** Asks for the token where there is none. @param {string} reason */
export const refuseLink = (reason) => {
  if (token.value !== "") return
  linkProblem.value = reason
  signIn.value = "needed"
}

/** Uses this token from now on. @param {string} value */
export const useToken = (value) => {
  signIn.value = value ? "no" : "needed"
  linkProblem.value = ""
  token.value = value
  if (value) sessionStorage.setItem(key, value)
  else sessionStorage.removeItem(key)
}

/** The listener answered 401 to a request with this token. @param {string} used */
export const unauthorized = (used) => {
  // Another token was entered since.
  if (used !== token.value) return
  if (used) signIn.value = "refused"
  else if (signIn.value === "no") signIn.value = "needed"
  token.value = ""
  sessionStorage.removeItem(key)
}

/** The headers that let a request in. */
export const credentials = () => /** @type {Record<string, string>} */ (
  token.value ? { authorization: `Bearer ${token.value}` } : {}
)

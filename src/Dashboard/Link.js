import { reach } from "./Api.js"
import { refuseLink, useToken } from "./Session.js"

/** The storage key of a sign-in code, which `early.js` has taken from the address. */
const key = "sign-in"

/** Exchanges the code of a sign-in link for the token, if the page was opened by such a link. */
export const signInByLink = async () => {
  const code = sessionStorage.getItem(key)
  if (code === null) return
  sessionStorage.removeItem(key)
  try {
    const response = await reach("/dashboard/sign-in", {
      method: "POST",
      body: JSON.stringify({ code }),
      headers: { accept: "application/json", "content-type": "application/json" }
    })
    const answer = await response.json()
    if (response.ok) useToken(answer.token)
    else refuseLink(answer.detail)
  } catch {
    refuseLink("The private listener does not answer. Open the link again.")
  }
}

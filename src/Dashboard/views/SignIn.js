import { useSignal } from "@preact/signals"
import { ask } from "../Api.js"
import { html } from "../Html.js"
import { linkProblem, signIn, useToken } from "../Session.js"

/** Asks for the token that the listener requires, and reports when a token was refused. */
export const SignIn = () => {
  const value = useSignal("")
  const problem = useSignal("")
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (value.value === "") return void (problem.value = "Enter the token.")
    problem.value = ""
    useToken(value.value.trim())
    // A wrong token shows this form again.
    await ask("/v1/status").catch(() => undefined)
  }
  const message = problem.value
    || (signIn.value === "refused"
      ? "This token was refused."
      : linkProblem.value)
  return html`<div class="sign-in">
    <form class="card" onSubmit=${submit}>
      <div><h1>Sign in</h1>
        <p class="muted">Run <code>threeqpr dashboard</code> where <code>serve</code> runs, and open the link that it prints.
          Or enter the token.</p></div>
      <label class="field">Token
        <input class="input" type="password" autocomplete="off" autofocus required
          aria-invalid=${message !== ""} aria-describedby="token-note"
          value=${value.value} onInput=${(/** @type {any} */ event) => (value.value = event.target.value)} />
        <small id="token-note">The <code>ADMIN_TOKEN</code> of <code>serve</code>, or the content of <code>admin-token</code> in its data folder. It stays in this tab, until you close it.</small>
      </label>
      <p class="refused" role="alert">${message}</p>
      <button class="button main" type="submit">Sign in</button>
    </form>
  </div>`
}

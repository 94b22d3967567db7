/**
 * Room `Dashboard`: the page, a client of the contract.
 *
 * Promises: It shows when its data are old, and it runs no foreign script.
 *
 * May use: `Domain`, `Admin/Api`.
 */
import { render } from "preact"
import { App } from "./App.js"
import { html } from "./Html.js"
import { watchKeys } from "./Keys.js"
import { signInByLink } from "./Link.js"
import { watchRoute } from "./Route.js"

await signInByLink()
watchRoute()
watchKeys()
const root = document.getElementById("app")
if (root) {
  root.textContent = ""
  render(html`<${App} />`, root)
}

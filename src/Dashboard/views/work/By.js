import { signal } from "@preact/signals"
import { html } from "../../Html.js"

const key = "by"

/** Who does it: what was entered last in this browser. */
export const by = signal(localStorage.getItem(key) ?? "")

/** Asks who does it. */
export const ByField = () =>
  html`<label class="field">Your name
    <input class="input" required pattern=".*[^ ].*" maxlength="100" autocomplete="name" value=${by.value}
      onInput=${(/** @type {any} */ event) => {
    by.value = event.target.value
    localStorage.setItem(key, by.value)
  }} />
    <small>It is recorded with each operation that you start.</small>
  </label>`

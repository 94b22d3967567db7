import { signal } from "@preact/signals"
import { html } from "../../Html.js"

const key = "by"

/** The person who starts an operation: the name that was last entered in this browser. */
export const by = signal(localStorage.getItem(key) ?? "")

/** A field for that name. */
export const ByField = () =>
  html`<label class="field">Your name
    <input class="input" required pattern=".*[^ ].*" maxlength="100" autocomplete="name" value=${by.value}
      onInput=${(/** @type {any} */ event) => {
    by.value = event.target.value
    localStorage.setItem(key, by.value)
  }} />
    <small>It is recorded with each operation that you start.</small>
  </label>`

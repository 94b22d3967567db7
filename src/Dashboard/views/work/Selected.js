import { useSignal } from "@preact/signals"
import { html } from "../../Html.js"

/**
 * The selected rows of a list: `box` is the checkbox of one row, `all` the checkbox of all rows that are shown.
 * @param {readonly string[]} shown
 */
export const useSelected = (shown) => {
  const chosen = useSignal(/** @type {ReadonlySet<string>} */ (new Set()))
  // A row that is no longer shown is no longer selected.
  const present = shown.filter((id) => chosen.value.has(id))
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(present)
    if (!next.delete(id)) next.add(id)
    chosen.value = next
  }
  const whole = present.length === shown.length && shown.length > 0
  return {
    ids: present,
    clear: () => (chosen.value = new Set()),
    box: (/** @type {string} */ id, /** @type {string} */ name) =>
      html`<input type="checkbox" aria-label=${`Choose ${name}`} checked=${present.includes(id)}
        onChange=${() => toggle(id)} />`,
    all: html`<input type="checkbox" aria-label="Select all rows that are shown" checked=${whole}
      onChange=${() => (chosen.value = new Set(whole ? [] : shown))} />`
  }
}

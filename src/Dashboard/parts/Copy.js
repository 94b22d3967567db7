import { useSignal } from "@preact/signals"
import { html } from "../Html.js"
import { Icon } from "./Icon.js"

/** A button that copies a text. @param {{ text: string, what: string }} props */
export const Copy = ({ text, what }) => {
  const done = useSignal(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    done.value = true
    setTimeout(() => (done.value = false), 2_000)
  }
  return html`<button class="button quiet" type="button" onClick=${copy} aria-label=${`Copy ${what}`}>
    <${Icon} name="copy" />${done.value ? "Copied" : "Copy"}
  </button>`
}

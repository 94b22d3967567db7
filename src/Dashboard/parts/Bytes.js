import { useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import { bytes } from "../Format.js"
import { html } from "../Html.js"
import { hex, indented } from "../Signed.js"
import { Copy } from "./Copy.js"
import { Segments } from "./Segments.js"

/** @typedef {"json" | "text" | "hex"} Form */

/**
 * Shows bytes as indented JSON, as text, or in hex.
 * @param {{ base64: string, title: string, size?: number }} props `size`: total number of bytes, if `base64` has only the first
 */
export const Bytes = ({ base64, size, title }) => {
  const raw = useMemo(() => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)), [base64])
  const text = useMemo(() => new TextDecoder().decode(raw), [raw])
  const json = useMemo(() => indented(text), [text])
  const form = useSignal(/** @type {Form | undefined} */ (undefined))
  const shown = form.value ?? (json === undefined ? "text" : "json")
  const content = shown === "json" ? json ?? "This is not JSON." : shown === "hex" ? hex(raw) : text
  const part = size !== undefined && size > raw.length
  if (raw.length === 0) {
    return html`<section><h3>${title}</h3><p class="muted">${
      part ? `Its ${bytes(size)} were not read.` : "It has no bytes."
    }</p></section>`
  }
  return html`<section class="bytes">
    <div class="bytes-head">
      <h3>${title} <span class="muted">${
    part ? `the first ${bytes(raw.length)} of ${bytes(size)}` : bytes(raw.length)
  }</span></h3>
      <div>
        <${Copy} text=${content} what="the bytes as they are shown" />
        <${Segments} label="Show bytes as" value=${shown}
          options=${[["json", "JSON"], ["text", "Text"], ["hex", "Hex"]]}
          onChange=${(/** @type {string} */ value) => (form.value = /** @type {Form} */ (value))} />
      </div>
    </div>
    <pre class=${shown === "hex" ? "" : "wrap"} tabindex="0" aria-label=${title}>${content}</pre>
  </section>`
}

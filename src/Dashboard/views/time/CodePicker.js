import { useId } from "preact/hooks"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"

/** @import { AllAnalytics } from "../../../Admin/Api/Analytics.ts" */

/**
 * Selects all codes, one of the codes with the most scans, or any other code by its id.
 * @param {{ code: string, onChange: (code: string) => void }} props
 */
export const CodePicker = ({ code, onChange }) => {
  const list = useId()
  const path = "/v1/analytics?period=all&granularity=week"
  const { data } = /** @type {import("../../Load.js").Loaded<AllAnalytics>} */ (useAnswer(path))
  return html`<div class="code-picker">
    <input class="input" type="search" list=${list} aria-label="QR code, by its id" placeholder="All codes"
      value=${code} onChange=${(/** @type {any} */ event) => onChange(event.target.value.trim())} />
    <datalist id=${list}>${
    data?.top_codes.flatMap(({ name, qpr_code_id, short_id }) =>
      qpr_code_id === null
        ? []
        : [html`<option key=${qpr_code_id} value=${qpr_code_id}>${name ?? short_id ?? ""}</option>`]
    )
  }</datalist>
  </div>`
}

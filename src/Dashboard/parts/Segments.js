import { useId } from "preact/hooks"
import { html } from "../Html.js"

/**
 * A choice of one option, with all options side by side.
 * @param {{ label: string, value: string, options: readonly (readonly [string, string])[], onChange: (value: string) => void }} props
 */
export const Segments = ({ label, onChange, options, value }) => {
  const name = useId()
  return html`<fieldset class="segments" aria-label=${label}>
    ${
    options.map(([key, text]) =>
      html`<label key=${key}>
        <input type="radio" name=${name} value=${key} checked=${key === value} onChange=${() =>
        onChange(key)} />
        <span>${text}</span>
      </label>`
    )
  }
  </fieldset>`
}

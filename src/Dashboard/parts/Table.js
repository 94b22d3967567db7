import { html } from "../Html.js"

/**
 * A table that scrolls in a region of its own. `head` has the header cells, and the children are the rows.
 * @param {{ name: string, kind?: string, head: unknown, children?: unknown }} props
 */
export const Table = ({ children, head, kind = "rows", name }) =>
  html`<div class="scroll" tabindex="0" role="region" aria-label=${name}><table class=${
    `table ${kind}`.trimEnd()
  }>
    <thead><tr>${head}</tr></thead>
    <tbody>${children}</tbody>
  </table></div>`

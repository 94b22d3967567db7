import { html } from "../../Html.js"

/**
 * Buttons for newer and older pages of a list that uses a cursor.
 * @param {{ pages: import("@preact/signals").Signal<readonly number[]>, cursor: number, more: boolean, said: string }} props
 */
export const Pager = ({ cursor, more, pages, said }) =>
  html`<div class="pager"><span>${said}</span><div class="actions">
    <button class="button" type="button" disabled=${pages.value.length === 0}
      onClick=${() => (pages.value = pages.value.slice(0, -1))}>Newer</button>
    <button class="button" type="button" disabled=${!more}
      onClick=${() => (pages.value = [...pages.value, cursor])}>Older</button>
  </div></div>`

import { html } from "../../Html.js"
import { Icon } from "../../parts/Icon.js"

/**
 * A list with the selected item beside it. A narrow screen shows one or the other.
 * @param {{ list: unknown, detail: unknown, back: string, title: string }} props
 */
export const Pair = ({ back, detail, list, title }) =>
  html`<div class=${detail ? "pair chosen" : "pair"}>
    <div class="pair-list">${list}</div>
    ${
    detail && html`<section class="pair-detail card" aria-label=${title}>
      <div class="card-head"><h2>${title}</h2>
        <a class="button quiet" href=${back}><${Icon} name="back" />Back to the list</a></div>
      <div class="card-body stack">${detail}</div>
    </section>`
  }
  </div>`

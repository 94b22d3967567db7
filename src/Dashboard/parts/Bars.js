import { compact, share } from "../Format.js"
import { html } from "../Html.js"
import { Empty } from "./Notice.js"

/**
 * The largest parts of a total, as labelled bars.
 * @param {{ title: string, total: number, rows: readonly { name: unknown, value: number, key: string }[] }} props
 */
export const Bars = ({ rows, title, total }) => {
  const most = Math.max(1, ...rows.map(({ value }) => value))
  return html`<section class="card">
    <div class="card-head"><h2>${title}</h2><span class="muted">Scans</span></div>
    <div class="card-body">
      ${
    rows.length === 0 ? html`<${Empty} title="No scans in this period" />` : html`<ol class="bars">
        ${
      rows.map(({ key, name, value }) =>
        html`<li key=${key}>
            <svg class="fill" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
              <rect width=${100 * value / most} height="10" />
            </svg>
            <span class="name">${name}</span>
            <span>${compact(value)}<span class="share">${total > 0 ? share(value / total) : ""}</span></span>
          </li>`
      )
    }
      </ol>`
  }
    </div>
  </section>`
}

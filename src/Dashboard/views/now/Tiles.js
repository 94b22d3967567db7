import { compact, rate } from "../../Format.js"
import { html } from "../../Html.js"
import { history, ratesOf, status, summed } from "../../live/Status.js"

const tiles = /** @type {const} */ ([
  ["in", "In", "Deliveries at the public listener"],
  ["stored", "Stored", "New events in the log"],
  ["duplicate", "Duplicate", "Delivered again, counted once"],
  ["quarantined", "Quarantined", "Signed, but not a usable event"],
  ["rejected", "Rejected", "Unsigned, too large, or not stored"],
  ["projected", "Projected", "Applied to read models"]
])

/** Deliveries by outcome: a second, and since the processes started. */
export const Tiles = () => {
  const now = status.value
  const rates = now && ratesOf(now)
  const totals = now?.totals && summed(now.totals.deliveries, now.totals.projected)
  return html`<dl class="tiles">
    ${
    tiles.map(([key, title, note]) => {
      const value = rates?.[key]
      const total = totals?.[key]
      const alarm = key === "rejected" || key === "quarantined"
        ? value !== undefined && value !== null && value > 0
        : false
      return html`<div class="card tile" key=${key} title=${note}>
        <dt><i class="key key-${key}"></i>${title}</dt>
        <dd class=${alarm ? "rate alarm" : "rate"}>${
        value === undefined || value === null ? "–" : rate(value)
      }<small>/s</small></dd>
        <dd class="since muted">${total === undefined ? "–" : compact(total)} in all</dd>
        <dd class="spark"><${Spark} of=${key} /></dd>
      </div>`
    })
  }
  </dl>`
}

/** The rate of the last minute, as a line. @param {{ of: typeof tiles[number][0] }} props */
const Spark = ({ of }) => {
  const points = history.value.slice(-60)
  const most = Math.max(1, ...points.map((point) => point[of] ?? 0))
  const d = points.flatMap((point, index) => {
    const value = point[of]
    if (value === null) return []
    const begins = index === 0 || points[index - 1]?.[of] === null
    return [`${begins ? "M" : "L"}${60 - points.length + index + 1} ${(21 - 20 * value / most).toFixed(1)}`]
  })
  return html`<svg class="spark-${of}" viewBox="0 0 60 22" preserveAspectRatio="none" aria-hidden="true">
    <path d=${d.join("")} />
  </svg>`
}

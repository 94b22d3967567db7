import { useMemo } from "preact/hooks"
import { compact, count } from "../../Format.js"
import { html } from "../../Html.js"
import { Chart } from "../../parts/Chart.js"
import { filled, stepOf } from "./Steps.js"

/** @typedef {import("./Steps.js").Granularity} Granularity */

const lines = [
  { label: "Scans", colour: "bar", bars: true, value: compact },
  { label: "Conversations ended", colour: "text", value: compact }
]

/** Maximum number of rows of the table. Older rows are in the chart and in the API. */
const mostRows = 200

/**
 * Scans and conversations over time, as a chart and as a table.
 * @param {{ answer: { timeseries: readonly { date: string, scans: number, conversations_completed: number }[] },
 *   period: string, granularity: Granularity }} props
 */
export const Course = ({ answer: { timeseries }, granularity, period }) => {
  // Keep the chart when reloaded data have the same numbers.
  const key = JSON.stringify(timeseries)
  const data = useMemo(
    () => filled(timeseries, period, granularity, Date.now() / 1_000),
    [key, period, granularity]
  )
  const when = useMemo(() => (/** @type {number} */ at) => told(at, granularity), [granularity])
  const [times] = data
  const half = stepOf(granularity) / 2
  return html`<section class="card course">
    <div class="card-head"><h2>Scans and conversations</h2><span class="muted">By ${granularity}, UTC</span></div>
    <${Chart} data=${data} lines=${lines} height=${300} when=${when}
      from=${(times[0] ?? 0) - half} until=${(times.at(-1) ?? 0) + half}
      label=${`Scans and conversations by ${granularity}; the table below has the numbers`} />
    <details class="as-table"><summary>As a table</summary>
      <div class="scroll tall" tabindex="0" role="region" aria-label="Scans and conversations"><table class="table">
        <thead><tr><th scope="col">${
    granularity === "week" ? "Week from" : granularity === "day" ? "Day" : "Hour"
  }</th>
          <th scope="col" class="number">Scans</th><th scope="col" class="number">Conversations ended</th></tr></thead>
        <tbody>${
    timeseries.slice(-mostRows).toReversed().map(({ conversations_completed, date, scans }) =>
      html`<tr key=${date}><th scope="row" class="row-name">${date.replace("T", " ").replace(":00Z", "")}</th>
            <td class="number">${count(scans)}</td><td class="number">${
        count(conversations_completed)
      }</td></tr>`
    )
  }</tbody>
      </table></div>
    </details>
  </section>`
}

/** @param {number} at @param {Granularity} granularity */
const told = (at, granularity) => {
  const iso = new Date(at * 1_000).toISOString()
  if (granularity === "hour") return iso.slice(0, 16).replace("T", " ")
  return granularity === "week" ? `Week from ${iso.slice(0, 10)}` : iso.slice(0, 10)
}

import { useMemo } from "preact/hooks"
import { rate } from "../../Format.js"
import { html } from "../../Html.js"
import { history, span } from "../../live/Status.js"
import { Chart } from "../../parts/Chart.js"

const series = /** @type {const} */ ([
  ["in", "In", "accent"],
  ["projected", "Projected", "ok"],
  ["rejected", "Rejected", "bad"]
])

/** A chart of the rates of the last five minutes. */
export const Minutes = () => {
  const points = history.value
  const data = useMemo(
    () => [points.map(({ at }) => at), ...series.map(([key]) => points.map((point) => point[key]))],
    [points]
  )
  const last = points.at(-1)?.at ?? Date.now() / 1_000
  const lines = useMemo(() => series.map(([, label, colour]) => ({ label, colour, value: rate })), [])
  return html`<section class="card minutes">
    <div class="card-head"><h2>Events per second</h2><span class="muted">The last five minutes, UTC</span></div>
    <${Chart} data=${data} lines=${lines} height=${248} from=${
    last - Math.min(span, Math.max(60, last - (points[0]?.at ?? last)))
  } until=${last}
      label="Events per second over the last five minutes; the tiles above have the numbers" />
  </section>`
}

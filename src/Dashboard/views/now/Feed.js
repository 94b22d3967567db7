import { bytes, clock, count, counted } from "../../Format.js"
import { html } from "../../Html.js"
import { entries, paused, skipped, toggle, waiting } from "../../live/Feed.js"
import { Badge } from "../../parts/Badge.js"
import { Icon } from "../../parts/Icon.js"
import { Empty } from "../../parts/Notice.js"
import { to } from "../../Route.js"

/** Number of rows that are rendered. More rows would pass too fast to be read. */
const drawn = 60

/** New entries of the log. */
export const Feed = () => {
  const rows = entries.value.slice(0, drawn)
  return html`<section class="card feed">
    <div class="card-head">
      <h2>Live feed</h2>
      <div class="feed-tools">
        <span class="muted">${said()}</span>
        <button class="button" type="button" aria-pressed=${paused.value} onClick=${toggle} title="p">
          <${Icon} name=${paused.value ? "play" : "pause"} />${paused.value ? "Resume" : "Pause"}
        </button>
      </div>
    </div>
    <div class="feed-rows" tabindex="0" role="region" aria-label="Live feed">
      ${
    rows.length === 0
      ? html`<${Empty} title="No events yet">
            Send test events: <code>npx threeqpr trigger scan.created --count 20</code><//>`
      : html`<table class="table">
          <thead><tr><th scope="col">Time</th><th scope="col">Type</th><th scope="col">Event</th>
            <th scope="col" class="number">Sequence</th><th scope="col" class="number">Size</th></tr></thead>
          <tbody>${
        rows.map(({ id, quarantined, received_at, sequence, size, type }) =>
          html`<tr key=${sequence}>
              <td class="tight muted">${clock(received_at)}</td>
              <td class="tight">${
            quarantined === null
              ? type
              : html`<${Badge} kind="warn">Quarantined: ${quarantined.replaceAll("_", " ")}<//>`
          }</td>
              <td class="clip"><a class="mono" href=${to(["events", id])}>${id}</a></td>
              <td class="number tight">${count(sequence)}</td>
              <td class="number tight muted">${bytes(size)}</td>
            </tr>`
        )
      }</tbody>
        </table>`
  }
    </div>
  </section>`
}

const said = () => {
  if (paused.value) return `Paused, ${counted(waiting.value, "new event")}`
  return skipped.value > 0 ? `${count(skipped.value)} not shown: too many at once` : ""
}

import { bytes, count, counted } from "../../Format.js"
import { html } from "../../Html.js"
import { status } from "../../live/Status.js"
import { Badge, Mark } from "../../parts/Badge.js"
import { to } from "../../Route.js"

/** Ready, or why not; and what waits for somebody. */
export const Readiness = () => {
  const now = status.value
  if (now === undefined) {
    return html`<section class="card readiness"><p class="muted">Waiting for the first status …</p></section>`
  }
  const { faults, ready, stream } = now
  return html`<section class="card readiness" aria-label="Readiness">
    <div class="verdict">
      <${Mark} kind=${ready ? "ok" : "bad"} />
      <div>
        <h2>${ready ? "Ready" : "Not ready"}</h2>
        ${
    ready
      ? html`<p class="muted">Deliveries are stored, and what is stored is projected.</p>`
      : html`<ul class="faults">${
        faults.map(({ part, reason }) => html`<li key=${part}><strong>${part}</strong> ${reason}</li>`)
      }</ul>`
  }
      </div>
    </div>
    <dl class="stream">
      <div><dt>In the log</dt><dd>${stream ? count(stream.events) : "–"}</dd></div>
      <div><dt>Size</dt><dd>${stream ? bytes(stream.bytes) : "–"}</dd></div>
      <div><dt>Last sequence</dt><dd>${stream ? count(stream.last_sequence) : "–"}</dd></div>
      <div><dt>Processes</dt><dd>${now.processes.length}</dd></div>
    </dl>
    <${Todo} now=${now} />
  </section>`
}

/** @param {{ now: import("../../../Admin/Api/Live.ts").LiveStatus }} props */
const Todo = ({ now: { dead_letters, quarantined, rebuilds } }) => {
  const items = [
    dead_letters
      ? { to: "dead-letters", kind: "bad", text: counted(dead_letters, "dead letter") }
      : undefined,
    quarantined ? { to: "quarantine", kind: "warn", text: `${count(quarantined)} in quarantine` } : undefined,
    ...(rebuilds ?? []).map(({ done, projection, total }) => ({
      to: "projections",
      kind: "busy",
      text: `${projection} rebuilds, ${total === 0 ? 0 : Math.floor(100 * done / total)}%`
    }))
  ].filter((item) => item !== undefined)
  return html`<ul class="todo" aria-label="What waits for somebody">
    ${items.length === 0 && html`<li class="muted">Nothing waits for you.</li>`}
    ${
    items.map(({ kind, text, to: tab }) =>
      html`<li key=${tab}><a class="button" href=${
        to(["work", tab])
      }><${Badge} kind=${kind}>${text}<//></a></li>`
    )
  }
  </ul>`
}

import { bytes, count, counted } from "../../Format.js"
import { html } from "../../Html.js"
import { status } from "../../live/Status.js"
import { Badge, Mark } from "../../parts/Badge.js"
import { to } from "../../Route.js"

/** Whether the process is ready, or why not, and what needs attention. */
export const Readiness = () => {
  const now = status.value
  const stream = now?.stream
  return html`<section class="card readiness" aria-label="Readiness">
    <div class="verdict">${verdict(now)}</div>
    <dl class="stream">
      <div><dt>In the log</dt><dd>${stream ? count(stream.events) : "–"}</dd></div>
      <div><dt>Size</dt><dd>${stream ? bytes(stream.bytes) : "–"}</dd></div>
      <div><dt>Last sequence</dt><dd>${stream ? count(stream.last_sequence) : "–"}</dd></div>
      <div><dt>Processes</dt><dd>${now ? now.processes.length : "–"}</dd></div>
    </dl>
    ${now ? html`<${Todo} now=${now} />` : html`<p class="todo"></p>`}
  </section>`
}

/** @param {import("../../../Admin/Api/Live.ts").LiveStatus | undefined} now */
const verdict = (now) => {
  // As high as the text that replaces it.
  if (now === undefined) {
    return html`<${Mark} kind="idle" /><div><h2>Waiting</h2>
      <p class="muted">The first status arrives within a second.</p></div>`
  }
  if (now.ready) {
    return html`<${Mark} kind="ok" /><div><h2>Ready</h2>
      <p class="muted">Deliveries are stored and projected.</p></div>`
  }
  return html`<${Mark} kind="bad" /><div><h2>Not ready</h2>
    <ul class="faults">${
    now.faults.map(({ part, reason }) => html`<li key=${part}><strong>${part}</strong> ${reason}</li>`)
  }</ul></div>`
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
  return html`<ul class="todo" aria-label="Needs attention">
    ${items.length === 0 && html`<li class="muted">All clear.</li>`}
    ${
    items.map(({ kind, text, to: tab }) =>
      html`<li key=${tab}><a class="button" href=${
        to(["work", tab])
      }><${Badge} kind=${kind}>${text}<//></a></li>`
    )
  }
  </ul>`
}

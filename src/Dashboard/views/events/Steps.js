import { bytes, count, counted, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { Mark } from "../../parts/Badge.js"
import { to } from "../../Route.js"

/** @import { EventLife } from "../../../Admin/Api/EventLife.ts" */
/** @typedef {import("../../parts/Badge.js").Kind} Kind */

/** The steps of an event's life, one below the other. @param {{ life: EventLife }} props */
export const Steps = ({ life }) =>
  html`<ol class="steps">
    <${Received} life=${life} />
    <${Stored} life=${life} />
    ${
    life.projections.map((one) =>
      html`<${Projected} key=${one.name} of=${one} rows=${
        life.rows.filter(({ projection }) => projection === one.name)
      } />`
    )
  }
    ${life.operations.map((one) => html`<${Operated} key=${`${one.operation} ${one.id}`} of=${one} />`)}
  </ol>`

/** @param {{ kind: Kind, title: unknown, at?: string, children?: unknown }} props */
const Step = ({ at, children, kind, title }) =>
  html`<li><${Mark} kind=${kind} /><div class="step">
    <div class="between"><h3>${title}</h3>${at && html`<span class="muted">${time(at)}</span>`}</div>
    ${children}</div></li>`

/** @param {{ life: EventLife }} props */
const Received = ({ life: { received, type } }) => {
  const kind = type ?? "Without a readable type"
  if (received === null) {
    return html`<${Step} kind="idle" title="Received"><p>${kind}. The log no longer contains it: it is older than the retention.</p><//>`
  }
  return html`<${Step} kind="ok" title="Received" at=${received.at}>
    <p>${kind}, ${
    received.origin === "reconciliation"
      ? "fetched from 3QPR's API, without a signature"
      : received.signed
      ? "signed by 3QPR"
      : "without a signature"
  }.</p><//>`
}

/** @param {{ life: EventLife }} props */
const Stored = ({ life: { stored } }) =>
  html`${
    stored.map((copy, index) =>
      html`<${Step} key=${copy.sequence} kind=${
        copy.quarantined === null ? "ok" : "warn"
      } at=${copy.received_at}
      title=${
        copy.quarantined === null
          ? index === 0 ? "Stored" : "Stored again"
          : `Quarantined: ${words(copy.quarantined)}`
      }>
      <p>Sequence ${count(copy.sequence)}, ${bytes(copy.size)}, <span class="mono">${copy.subject}</span>${
        copy.quarantined === null
          ? ""
          : html`. <a href=${to(["work", "quarantine", String(copy.sequence)])}>Show the problems</a>`
      }</p><//>`
    )
  }`

const states = /** @type {Readonly<Record<string, readonly [Kind, string]>>} */ ({
  applied: ["ok", "Applied"],
  dead_letter: ["bad", "Dead letter"],
  discarded: ["idle", "Discarded"],
  waiting: ["busy", "Waiting"],
  not_mine: ["idle", "Not subscribed"],
  quarantined: ["warn", "Quarantined, so not projected"],
  unknown: ["warn", "Not known"]
})

/** @param {{ of: EventLife["projections"][number], rows: EventLife["rows"] }} props */
const Projected = ({ of: { dead_letter, finished_to, lag, name, repeated, sequence, state }, rows }) => {
  const [kind, text] = states[state] ?? ["idle", words(state)]
  return html`<${Step} kind=${kind} title=${html`${name} <span class="muted fate">${text}</span>`}>
    ${
    state === "applied" && sequence !== null &&
    html`<p>Applied once, at sequence ${count(sequence)}${
      repeated.length > 0
        ? `; ${counted(repeated.length, "later copy", "later copies")} changed nothing`
        : ""
    }.</p>`
  }
    ${
    state === "waiting" &&
    html`<p>The consumer is at sequence ${count(finished_to)}, ${counted(lag, "event")} behind.</p>`
  }
    ${
    dead_letter && html`<p class="cause">${dead_letter.error}</p>
      <p>${counted(dead_letter.attempts, "attempt")}. <a href=${
      to(["work", "dead-letters", dead_letter.id])
    }>Redrive or discard it</a></p>`
  }
    ${
    rows.length > 0 && html`<ul class="made">${
      rows.map((row) =>
        html`<li key=${`${row.table} ${row.key}`}><span class="muted">${
          words(row.table)
        }</span> <span class="mono">${keyOf(row.key)}</span>${
          row.current ? "" : html` <span class="muted">changed by a later event</span>`
        }</li>`
      )
    }</ul>`
  }
  <//>`
}

/** @param {unknown} key */
const keyOf = (key) => typeof key === "string" ? key : Object.values(Object(key)).join(" ")

/** @param {{ of: EventLife["operations"][number] }} props */
const Operated = ({ of: { at, by, error, kind, operation, reason, result } }) =>
  html`<${Step} kind=${result === null ? "busy" : result === "dead" || result === "unusable" ? "warn" : "ok"}
    title=${html`<a href=${to(["work", "operations", operation])}>${words(kind)}</a>`} at=${at}>
    <p>By ${by}${reason ? `: ${reason}` : ""}. ${
    result === null ? "Not finished." : `Result: ${words(result)}.`
  }</p>
    ${error && html`<p class="cause">${error}</p>`}<//>`

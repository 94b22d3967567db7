import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { query } from "../Api.js"
import { bytes, count, time, words } from "../Format.js"
import { html } from "../Html.js"
import { findWanted } from "../Keys.js"
import { useAnswer } from "../Load.js"
import { Badge } from "../parts/Badge.js"
import { Icon } from "../parts/Icon.js"
import { Empty, shown } from "../parts/Notice.js"
import { Table } from "../parts/Table.js"
import { go, replace, route, to } from "../Route.js"
import { Life } from "./events/Life.js"
import { Pager } from "./work/Pager.js"

/** @import { EventsAnswer } from "../../Admin/Api/Events.ts" */

const types = [
  "scan.created",
  "conversation.completed",
  "qpr_code.created",
  "subscription.upgraded",
  "subscription.cancelled"
]

/** The newest entries of the log, or one event by its id with its whole life. */
export const Events = () => {
  const [, id = ""] = route.value.parts
  const wanted = useSignal(id)
  const field = useRef(/** @type {HTMLInputElement | null} */ (null))
  useEffect(() => {
    if (findWanted.value) field.current?.focus()
    findWanted.value = false
  }, [findWanted.value])
  const find = (/** @type {Event} */ event) => {
    event.preventDefault()
    if (wanted.value.trim() !== "") go(to(["events", wanted.value.trim()]))
  }
  return html`<div class="view-head">
      <h1>Events</h1>
      <form class="find" role="search" onSubmit=${find}>
        <input class="input mono" ref=${field} type="search" aria-label="Event id" placeholder="Event id, such as evt_01HABC"
          value=${wanted.value} onInput=${(
    /** @type {any} */ event
  ) => (wanted.value = event.target.value)} />
        <button class="button main" type="submit"><${Icon} name="search" />Find</button>
      </form>
    </div>
    ${id ? html`<${Life} key=${id} id=${id} />` : html`<${Newest} />`}`
}

const Newest = () => {
  const type = route.value.parameters.get("type") ?? ""
  const before = useSignal(/** @type {readonly number[]} */ ([]))
  const path = `/v1/events${query({ type, before: before.value.at(-1), limit: 50 })}`
  const loaded = /** @type {import("../Load.js").Loaded<EventsAnswer>} */ (useAnswer(path))
  return html`<section class="card">
    <div class="card-head tools-row">
      <select class="input narrow" aria-label="Only of this type" value=${type} onChange=${(
    /** @type {any} */ event
  ) => {
    before.value = []
    replace(to(["events"], { type: event.target.value }))
  }}>
        <option value="">Any type</option>
        ${types.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select>
      <button class="button" type="button" onClick=${loaded.reload}><${Icon} name="refresh" />Refresh</button>
    </div>
    ${
    shown(loaded, ({ cursor, events, log, more }) =>
      events.length === 0
        ? html`<${Empty} title=${
          type ? "No event of this type" : "No events yet"
        }>Send test events: <code>npx threeqpr trigger
            ${" "}${type || "scan.created"} --count 20</code><//>`
        : html`<${Table} name="Events" head=${html`
            <th scope="col">Received (UTC)</th><th scope="col">Event</th><th scope="col">Type</th>
            <th scope="col" class="number">Sequence</th><th scope="col" class="number">Size</th>`}>${
          events.map((event) =>
            html`<tr key=${event.sequence}>
              <td class="tight muted">${time(event.received_at)}</td>
              <td class="clip wide"><a class="mono" href=${to(["events", event.id])}>${event.id}</a></td>
              <td class="tight">${
              event.quarantined === null
                ? event.type
                : html`<${Badge} kind="warn">Quarantined: ${words(event.quarantined)}<//>`
            }</td>
              <td class="number tight">${count(event.sequence)}</td>
              <td class="number tight muted">${bytes(event.size)}</td>
            </tr>`
          )
        }<//>
        <${Pager} pages=${before} cursor=${cursor} more=${more} said=${`The log ends at sequence ${
          count(log.last_sequence)
        }`} />`)
  }
  </section>`
}

import { ask } from "../../Api.js"
import { counted, time } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer, useLoaded } from "../../Load.js"
import { Bytes } from "../../parts/Bytes.js"
import { Copy } from "../../parts/Copy.js"
import { Icon } from "../../parts/Icon.js"
import { Empty, shown } from "../../parts/Notice.js"
import { to } from "../../Route.js"
import { Headers } from "../work/Headers.js"
import { Steps } from "./Steps.js"

/** @import { EventDetail } from "../../../Admin/Api/Events.ts" */
/** @import { EventLife } from "../../../Admin/Api/EventLife.ts" */
/** @import { Loaded } from "../../Load.js" */

/**
 * The whole life of an event: its receipt, its entries, and its state in each projection.
 * @param {{ id: string }} props
 */
export const Life = ({ id }) => {
  const path = `/v1/events/${encodeURIComponent(id)}`
  const life = /** @type {Loaded<EventLife>} */ (useLoaded(
    `${path}/life`,
    (signal) => ask(`${path}/life`, { signal }),
    2_000
  ))
  const detail = /** @type {Loaded<EventDetail>} */ (useAnswer(path))
  const back = html`<a class="button quiet" href=${to(["events"])}><${Icon} name="back" />All events</a>`
  if (life.problem?.status === 404) {
    return html`<section class="card">${back}<${Empty} title="There is no event with this id">
      <span class="mono">${id}</span> is not in the log. It was never stored, or it is older than the retention of the log.<//></section>`
  }
  return html`<div class="life">
    <section class="card" aria-label="Life of the event">
      <div class="card-head"><h2 class="mono id">${id}</h2><div class="actions"><${Copy} text=${id} what="the id" />${back}</div></div>
      <div class="card-body">${shown(life, (answer) => html`<${Steps} life=${answer} />`)}</div>
    </section>
    <section class="card" aria-label="Signed body">
      <div class="card-head"><h2>What was signed</h2></div>
      <div class="card-body stack">${
    shown(detail, (event) =>
      html`<${Bytes} title="Body" base64=${event.body_base64} />
          <dl class="facts"><dt>Subject</dt><dd class="mono">${event.subject}</dd>
            <dt>SHA-256</dt><dd class="mono">${event.sha256}</dd>
            <dt>Received</dt><dd>${time(event.received_at)} UTC, ${counted(event.size, "byte")}</dd></dl>
          <${Headers} title="Headers in the log" headers=${event.headers} />`)
  }</div>
    </section>
  </div>`
}

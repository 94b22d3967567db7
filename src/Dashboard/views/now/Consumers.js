import { count, duration } from "../../Format.js"
import { html } from "../../Html.js"
import { status } from "../../live/Status.js"
import { Badge } from "../../parts/Badge.js"
import { Empty, Loading } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"

/** The lag of each durable consumer, in events and in seconds. */
export const Consumers = () => {
  const now = status.value
  return html`<section class="card consumers">
    <div class="card-head"><h2>Consumers</h2><span class="muted">Behind the log</span></div>
    ${
    now === undefined
      ? html`<${Loading} />`
      : now.consumers === null
      ? html`<${Empty} kind="bad" title="The broker does not answer">Consumers appear here when it answers again.<//>`
      : now.consumers.length === 0
      ? html`<${Empty} title="No durable consumer" >Start a projector: <code>threeqpr serve --role projector</code>.<//>`
      : html`<${Table} name="Consumers" kind="" head=${html`
          <th scope="col">Consumer</th><th scope="col">State</th>
          <th scope="col" class="number">Events</th><th scope="col" class="number">Age</th>
          <th scope="col" class="number">In flight</th>`}>${
        now.consumers.map(({ in_flight, lag, lag_seconds, name }) =>
          html`<tr key=${name}>
            <th scope="row" class="row-name">${name}</th>
            <td class="tight">${state(lag, lag_seconds)}</td>
            <td class="number lag">${count(lag)}</td>
            <td class="number tight">${duration(lag_seconds)}</td>
            <td class="number">${count(in_flight)}</td>
          </tr>`
        )
      }<//>`
  }
  </section>`
}

/** @param {number} lag @param {number} seconds */
const state = (lag, seconds) =>
  lag === 0 || seconds < 2
    ? html`<${Badge} kind="ok">Up to date<//>`
    : seconds < 60
    ? html`<${Badge} kind="busy">Catching up<//>`
    : html`<${Badge} kind="bad">Behind<//>`

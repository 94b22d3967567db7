import { bytes, count, counted, sentence, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Bytes } from "../../parts/Bytes.js"
import { Empty, shown } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"
import { to } from "../../Route.js"
import { Headers } from "./Headers.js"
import { Pair } from "./Pair.js"

/** @import { RejectionDetail, RejectionSummary } from "../../../Domain/Rejection.ts" */
/** @import { Loaded } from "../../Load.js" */
/** @typedef {{ refused: number, instances: number, rejections: readonly RejectionSummary[] }} Answer */

/** The refused requests with their reasons. @param {{ id?: string }} props */
export const Rejections = ({ id }) => {
  const path = "/v1/rejections?limit=200"
  const loaded = /** @type {Loaded<Answer>} */ (useAnswer(path, 5_000))
  const list = html`<section class="card">
    <div class="card-head"><p class="muted">${
    loaded.data === undefined
      ? "The last refused requests, from memory"
      : `${counted(loaded.data.refused, "request")} refused since ${
        counted(loaded.data.instances, "receiver")
      } started. The latest are kept in memory only`
  }</p></div>
    ${
    shown(loaded, ({ instances, rejections }) =>
      instances === 0
        ? html`<${Empty} kind="warn" title="No receiver answers">Start one: <code>threeqpr serve --role ingress</code>.<//>`
        : rejections.length === 0
        ? html`<${Empty} kind="ok" title="Nothing was refused">Every request was signed by 3QPR and could be stored.<//>`
        : html`<${Table} name="Rejected requests" head=${html`
            <th scope="col">Refused (UTC)</th><th scope="col">Reason</th><th scope="col">Path</th><th scope="col">From</th>
            <th scope="col">Receiver</th><th scope="col" class="number">Size</th>`}>${
          rejections.map((one) =>
            html`<tr key=${one.id} class=${one.id === id ? "selected" : ""}>
              <td class="tight"><a href=${to(["work", "rejected", one.id])}>${time(one.at)}</a></td>
              <td class="tight">${words(one.reason)}</td>
              <td class="clip wide mono">${one.path}</td>
              <td class="clip wide mono">${one.source}</td>
              <td class="clip wide muted">${one.instance}</td>
              <td class="number tight">${bytes(one.size)}</td>
            </tr>`
          )
        }<//>
        <div class="pager"><span>${count(rejections.length)} kept, the newest first</span></div>`)
  }
  </section>`
  return html`<${Pair} title="Rejected request" back=${to(["work", "rejected"])} list=${list}
    detail=${id && html`<${Rejection} key=${id} id=${id} />`} />`
}

/** @param {{ id: string }} props */
const Rejection = ({ id }) => {
  const path = `/v1/rejections/${encodeURIComponent(id)}`
  const loaded = /** @type {Loaded<RejectionDetail>} */ (useAnswer(path))
  return shown(loaded, (one) =>
    html`
      <${Doctor} doctor=${one.doctor} complete=${one.complete} />
      <dl class="facts">
        <dt>Reason</dt><dd>${sentence(words(one.reason))}</dd>
        <dt>Refused</dt><dd>${time(one.at)} UTC</dd>
        <dt>From</dt><dd class="mono">${one.source}</dd>
        <dt>Receiver</dt><dd>${one.instance}</dd>
        <dt>Size</dt><dd>${bytes(one.size)}</dd>
      </dl>
      <${Bytes} title="Body" base64=${one.head_base64} size=${one.size} />
      <${Headers} title="Request headers" headers=${one.headers} />
    `)
}

/** The result of the signature doctor. @param {{ doctor: RejectionDetail["doctor"], complete: boolean }} props */
const Doctor = ({ complete, doctor }) => {
  if (doctor === null) {
    return html`<div class="notice info"><div class="cause"><h3>Signature doctor</h3><p>${
      complete
        ? "It was not refused because of its signature."
        : "Only the first bytes were kept, but a signature covers the whole body."
    }</p></div></div>`
  }
  return html`<div class="notice warn"><div class="cause"><h3>Signature doctor</h3><p>${doctor.summary}</p>
    ${
    doctor.causes.map(({ cause, explanation, remedy }) =>
      html`<div key=${cause}><p><strong>${
        sentence(words(cause))
      }.</strong> ${explanation}</p><p>${remedy}</p></div>`
    )
  }
    ${
    doctor.causes.length === 0 && doctor.remaining.length > 0 && html`<p>Other possible causes:</p>
      <ul class="dots">${doctor.remaining.map((one) => html`<li>${one}</li>`)}</ul>`
  }
  </div></div>`
}

import { sentence, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Empty, shown } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"
import { to } from "../../Route.js"
import { OperationDetail } from "./OperationDetail.js"
import { OperationState, resultsOf } from "./OperationProgress.js"
import { Pair } from "./Pair.js"

/** @import { OperationAnswer } from "../../../Admin/Api/Operations.ts" */
/** @import { Loaded } from "../../Load.js" */
/** @typedef {{ operations: readonly OperationAnswer[] }} Answer */

/** The operations: who started each, when, and its progress. @param {{ id?: string }} props */
export const Operations = ({ id }) => {
  const path = "/v1/operations?limit=100"
  const loaded = /** @type {Loaded<Answer>} */ (useAnswer(path, 2_000))
  const list = html`<section class="card">
    <div class="card-head"><p class="muted">Redrives and discards, the newest first</p></div>
    ${
    shown(loaded, ({ operations }) =>
      operations.length === 0
        ? html`<${Empty} title="No operations yet">Redrives and discards are listed here, with the person or program that requested them.<//>`
        : html`<${Table} name="Operations" head=${html`
            <th scope="col">Asked (UTC)</th><th scope="col">What</th><th scope="col">State</th>
            <th scope="col">Results</th><th scope="col">By</th><th scope="col">Reason</th>`}>${
          operations.map((operation) =>
            html`<tr key=${operation.id} class=${operation.id === id ? "selected" : ""}>
              <td class="tight"><a href=${to(["work", "operations", operation.id])}>${
              time(operation.at)
            }</a></td>
              <td class="tight">${sentence(words(operation.kind))}</td>
              <td class="tight"><${OperationState} operation=${operation} /></td>
              <td class="tight">${resultsOf(operation)}</td>
              <td class="clip wide">${operation.by}</td>
              <td class="clip wide muted" title=${operation.reason}>${operation.reason ?? ""}</td>
            </tr>`
          )
        }<//>`)
  }
  </section>`
  return html`<${Pair} title="Operation" back=${to(["work", "operations"])} list=${list}
    detail=${id && html`<${OperationDetail} key=${id} id=${id} />`} />`
}

import { useSignal } from "@preact/signals"
import { query } from "../../Api.js"
import { sentence, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { shown } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"
import { OperationState, resultsOf } from "./OperationProgress.js"

/** @import { OperationAnswer } from "../../../Admin/Api/Operations.ts" */
/** @import { Outcome } from "../../../Domain/Operation.ts" */
/** @import { Loaded } from "../../Load.js" */

/** One operation, with the result of each of its events, page by page. @param {{ id: string }} props */
export const OperationDetail = ({ id }) => {
  const after = useSignal(0)
  const path = `/v1/operations/${encodeURIComponent(id)}`
  const loaded = /** @type {Loaded<OperationAnswer>} */ (useAnswer(path, 1_000))
  const pagePath = `${path}/outcomes${query({ after: after.value, limit: 50 })}`
  const page = /** @type {Loaded<{ outcomes: readonly Outcome[], cursor: number }>} */ (
    useAnswer(pagePath, 2_000)
  )
  return html`${
    shown(loaded, (operation) =>
      html`<div class="between"><${OperationState} operation=${operation} />
        <span class="muted">${operation.requested - operation.left} of ${operation.requested}</span></div>
      <progress class="progress" max=${operation.requested} value=${operation.requested - operation.left}
        aria-label="Progress"></progress>
      <dl class="facts">
        <dt>What</dt><dd>${sentence(words(operation.kind))}, at most ${operation.rate} a second</dd>
        <dt>Asked for</dt><dd class="mono">${JSON.stringify(operation.asked)}</dd>
        <dt>By</dt><dd>${operation.by}, ${time(operation.at)} UTC</dd>
        ${operation.reason && html`<dt>Reason</dt><dd>${operation.reason}</dd>`}
        ${
        operation.cancelled &&
        html`<dt>Cancelled</dt><dd>by ${operation.cancelled.by}, ${time(operation.cancelled.at)} UTC</dd>`
      }
        <dt>Results</dt><dd>${resultsOf(operation) || "none yet"}</dd>
      </dl>`)
  }
    ${
    shown(page, ({ cursor, outcomes }) =>
      html`<${Table} name="Outcomes" kind="flush" head=${html`
          <th scope="col">Event</th><th scope="col">Result</th><th scope="col">Error</th>`}>${
        outcomes.map((one) =>
          html`<tr key=${one.id}><td class="mono tight">${one.id}</td><td class="tight">${
            words(one.result)
          }</td>
            <td>${one.error ?? ""}</td></tr>`
        )
      }<//>
      <div class="actions">
        <button class="button" type="button" disabled=${
        after.value === 0
      } onClick=${() => (after.value = 0)}>From the first</button>
        <button class="button" type="button" disabled=${
        outcomes.length < 50
      } onClick=${() => (after.value = cursor)}>More</button>
      </div>`)
  }`
}

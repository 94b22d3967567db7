import { ask } from "../../Api.js"
import { counted, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useLoaded } from "../../Load.js"
import { Badge } from "../../parts/Badge.js"
import { shown } from "../../parts/Notice.js"
import { by } from "./By.js"

/** @import { OperationAnswer } from "../../../Admin/Api/Operations.ts" */
/** @import { Outcome } from "../../../Domain/Operation.ts" */

const failed = new Set(["dead", "unusable"])

/**
 * The progress of an operation, and the events that failed again.
 * @param {{ id: string | null, onClose: () => void }} props
 */
export const OperationProgress = ({ id, onClose }) => {
  if (id === null) {
    return html`<p>No events were left to handle.</p>
      <div class="dialog-foot"><button class="button" type="button" onClick=${onClose}>Close</button></div>`
  }
  return html`<${Running} id=${id} onClose=${onClose} />`
}

/** @param {{ id: string, onClose: () => void }} props */
const Running = ({ id, onClose }) => {
  const loaded = /** @type {import("../../Load.js").Loaded<Both>} */ (useLoaded(id, () => both(id), 700))
  const cancel = async () => {
    await ask(`/v1/operations/${id}/cancel`, { body: { by: by.value.trim() || "dashboard" } }).catch(() =>
      undefined
    )
    loaded.reload()
  }
  return html`${
    shown(loaded, ({ failures, operation }) =>
      html`<div class="stack" data-state=${operation.state}>
      <div class="between"><${OperationState} operation=${operation} />
        <span class="muted">${operation.requested - operation.left} of ${operation.requested}</span></div>
      <progress class="progress" max=${operation.requested} value=${operation.requested - operation.left}
        aria-label="Progress"></progress>
      <p role="status">${resultsOf(operation)}</p>
      ${
        failures.length > 0 && html`<ul class="failures">${
          failures.map(({ error, id, result }) =>
            html`<li key=${id}><span class="mono">${id}</span> ${words(result)}${
              error && html`: ${error}`
            }</li>`
          )
        }</ul>`
      }
      <div class="dialog-foot">
        ${
        operation.state === "running"
        && html`<button class="button" type="button" onClick=${cancel}>Stop the operation</button>`
      }
        <button class="button main" type="button" onClick=${onClose}>${
        operation.state === "running" ? "Close (it continues)" : "Close"
      }</button>
      </div>
    </div>`)
  }`
}

/** @typedef {{ operation: OperationAnswer, failures: readonly Outcome[] }} Both */

/** @param {string} id @returns {Promise<Both>} */
const both = async (id) => {
  /** @type {OperationAnswer} */
  const operation = await ask(`/v1/operations/${id}`)
  /** @type {{ outcomes: readonly Outcome[] }} */
  const { outcomes } = await ask(`/v1/operations/${id}/outcomes?limit=200`)
  return { operation, failures: outcomes.filter(({ result }) => failed.has(result)).slice(0, 20) }
}

/** The state in words. @param {{ operation: OperationAnswer }} props */
export const OperationState = ({ operation: { results, state } }) => {
  if (state === "running") return html`<${Badge} kind="busy">Running<//>`
  if (state === "cancelled") return html`<${Badge} kind="idle">Cancelled<//>`
  return (results["dead"] ?? 0) + (results["unusable"] ?? 0) > 0
    ? html`<${Badge} kind="warn">Done, some failed again<//>`
    : html`<${Badge} kind="ok">Done<//>`
}

/** @param {OperationAnswer} operation */
export const resultsOf = ({ left, results, state }) => {
  const ended = Object.entries(results).filter(([, amount]) => amount > 0).map(([result, amount]) =>
    result === "dead" ? `${amount} failed again` : `${amount} ${words(result)}`
  )
  if (left > 0) ended.push(state === "cancelled" ? `${counted(left, "event")} not reached` : `${left} left`)
  return ended.join(", ")
}

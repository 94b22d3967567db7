import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { ask, Problem } from "../../Api.js"
import { counted, sentence } from "../../Format.js"
import { html } from "../../Html.js"
import { Dialog } from "../../parts/Dialog.js"
import { Failed } from "../../parts/Notice.js"
import { by, ByField } from "./By.js"
import { OperationProgress } from "./OperationProgress.js"

/** @typedef {{ operation: string | null, count: number, decodable?: number }} Begun */

/**
 * Redrives or discards: counts the events, asks for confirmation, starts the operation, and shows its progress.
 * @param {{ verb: "redrive" | "discard", what: string, many?: string, path: string, selection: Record<string, unknown>,
 *   onClose: (begun: boolean) => void }} props
 */
export const Operate = ({ many = "", onClose, path, selection, verb, what }) => {
  const counting = useSignal(/** @type {Begun | undefined} */ (undefined))
  const begun = useSignal(/** @type {Begun | undefined} */ (undefined))
  const problem = useSignal(/** @type {Problem | undefined} */ (undefined))
  const reason = useSignal("")
  const busy = useSignal(false)
  const call = async (/** @type {boolean} */ dry_run) => {
    busy.value = true
    problem.value = undefined
    try {
      /** @type {Begun} */
      const answer = await ask(path, {
        body: {
          ...selection,
          // A dry run needs no name or reason. The confirmation asks for both.
          by: dry_run ? "dashboard" : by.value.trim(),
          ...dry_run && { dry_run },
          ...verb === "discard" && { reason: dry_run ? "count" : reason.value.trim() }
        }
      })
      if (dry_run) counting.value = answer
      else begun.value = answer
    } catch (error) {
      problem.value = error instanceof Problem ? error : new Problem(0, "Unexpected", String(error))
    }
    busy.value = false
  }
  useEffect(() => void call(true), [])
  const close = () => onClose(begun.value?.operation !== undefined && begun.value.operation !== null)
  return html`<${Dialog} title=${
    begun.value ? `${sentence(verb)}: running` : `${sentence(verb)} ${many || `${what}s`}?`
  } onClose=${close}>
    ${problem.value && html`<${Failed} problem=${problem.value} />`}
    ${
    begun.value
      ? html`<${OperationProgress} id=${begun.value.operation} onClose=${close} />`
      : html`<${Question} verb=${verb} what=${what} many=${many} counting=${counting.value} reason=${reason}
          busy=${busy.value} confirm=${() => void call(false)} close=${close} />`
  }
  <//>`
}

/**
 * States how many events would be affected, and asks for confirmation.
 * @param {{ verb: "redrive" | "discard", what: string, many: string, counting: Begun | undefined,
 *   reason: import("@preact/signals").Signal<string>, busy: boolean, confirm: () => void, close: () => void }} props
 */
const Question = ({ busy, close, confirm, counting, many, reason, verb, what }) => {
  const amount = counting?.count ?? 0
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    if (!busy) confirm()
  }
  return html`<form class="stack" onSubmit=${submit}>
    <p class="count" role="status">${said(verb, what, many || `${what}s`, counting)}</p>
    ${
    amount > 0 && html`<${ByField} />
      ${
      verb === "discard" && html`<label class="field">Reason
        <input class="input" required pattern=".*[^ ].*" maxlength="1000" value=${reason.value}
          onInput=${(/** @type {any} */ event) => (reason.value = event.target.value)} />
        <small>It is also recorded.</small></label>`
    }`
  }
    <div class="dialog-foot">
      <button class="button" type="button" onClick=${close}>${amount > 0 ? "Cancel" : "Close"}</button>
      ${
    amount > 0 &&
    html`<button class=${verb === "discard" ? "button main bad" : "button main"} type="submit"
        disabled=${busy}>${sentence(verb)} ${counted(amount, what, many || undefined)}</button>`
  }
    </div>
  </form>`
}

/** @param {string} verb @param {string} what @param {string} many @param {Begun | undefined} counting */
const said = (verb, what, many, counting) => {
  if (counting === undefined) return "Counting …"
  const { count, decodable } = counting
  if (count === 0) return `No ${what} matches now.`
  if (verb === "discard") {
    return `${
      counted(count, what, many)
    } will be removed permanently. The event stays in the log, but this consumer will not receive it again.`
  }
  return decodable === undefined
    ? `${
      counted(count, what, many)
    } will be delivered to the consumer again. Events that fail again reappear here.`
    : `${decodable} of ${
      counted(count, what, many)
    } can be decoded by this version and will become events. The others stay in quarantine.`
}

import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import { ask, Problem } from "../../Api.js"
import { count, counted, duration, sentence, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Badge } from "../../parts/Badge.js"
import { Dialog } from "../../parts/Dialog.js"
import { Failed, shown } from "../../parts/Notice.js"
import { by, ByField } from "./By.js"

/** @import { ProjectionAnswer, RebuildAnswer } from "../../../Admin/Api/Projections.ts" */
/** @import { TableComparison } from "../../../Domain/Comparison.ts" */

/**
 * Rebuilds a read model from the log: asks for confirmation, then shows the progress.
 * @param {{ projection: ProjectionAnswer, changed: () => void }} props
 */
export const Rebuild = ({ changed, projection: { name, rebuild } }) => {
  const asking = useSignal(false)
  const mine = useSignal(/** @type {number | undefined} */ (undefined))
  useEffect(() => {
    // A rebuild that another client started is also watched to its end.
    if (rebuild) mine.value = rebuild.id
  }, [rebuild?.id])
  const watched = rebuild?.id ?? mine.value
  return html`
    ${watched !== undefined && html`<${Progress} name=${name} id=${watched} changed=${changed} />`}
    <div class="actions">
      <button class="button" type="button" disabled=${
    rebuild !== null
  } onClick=${() => (asking.value = true)}>Rebuild</button>
    </div>
    ${
    asking.value && html`<${Ask} name=${name} onClose=${(/** @type {number | undefined} */ id) => {
      asking.value = false
      if (id !== undefined) mine.value = id
      changed()
    }} />`
  }`
}

/** @param {{ name: string, onClose: (id?: number) => void }} props */
const Ask = ({ name, onClose }) => {
  const dry = useSignal(false)
  const problem = useSignal(/** @type {Problem | undefined} */ (undefined))
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    try {
      /** @type {RebuildAnswer} */
      const { id } = await ask(`/v1/projections/${encodeURIComponent(name)}/rebuild`, {
        body: { by: by.value.trim(), ...dry.value && { dry_run: true } }
      })
      onClose(id)
    } catch (error) {
      problem.value = error instanceof Problem ? error : new Problem(0, "Unexpected", String(error))
    }
  }
  return html`<${Dialog} title=${`Rebuild ${name}?`} onClose=${() => onClose()}>
    ${problem.value && html`<${Failed} problem=${problem.value} />`}
    <form class="stack" onSubmit=${submit}>
      <p>A new generation is built from the first event of the log, beside the live one. Reads continue. When the new
        one is up to date, it replaces the live one in one transaction.</p>
      <label><input type="checkbox" checked=${dry.value} onChange=${() => (dry.value = !dry
    .value)} /> Only compare: show
        which rows would change, and switch nothing</label>
      <${ByField} />
      <div class="dialog-foot">
        <button class="button" type="button" onClick=${() => onClose()}>Cancel</button>
        <button class="button main" type="submit">${dry.value ? "Compare" : `Rebuild ${name}`}</button>
      </div>
    </form>
  <//>`
}

const ends =
  /** @type {Readonly<Record<string, readonly [import("../../parts/Badge.js").Kind, string]>>} */ ({
    running: ["busy", "Building"],
    comparing: ["busy", "Comparing"],
    failed: ["bad", "Failed"],
    cancelled: ["idle", "Cancelled"]
  })

/** @param {{ name: string, id: number, changed: () => void }} props */
const Progress = ({ changed, id, name }) => {
  const path = `/v1/projections/${encodeURIComponent(name)}/rebuilds/${id}`
  const loaded = /** @type {import("../../Load.js").Loaded<RebuildAnswer>} */ (
    useAnswer(path, 700)
  )
  const cancel = async () => {
    await ask(`${path}/cancel`, { body: {} }).catch(() => undefined)
    loaded.reload()
    changed()
  }
  return html`<div class="rebuild" aria-live="off">${
    shown(loaded, ({ error, generation, progress, result, state }) => {
      const [kind, text] = ends[state] ?? ["ok", `Generation ${generation}: ${words(state)}`]
      const share = progress === null ? 1 : progress.total === 0 ? 0 : progress.done / progress.total
      return html`
      <div class="between" data-state=${state}><${Badge} kind=${kind}>${text}<//>
        <span class="muted">${
        progress &&
        `${count(progress.done)} of ${count(progress.total)}${
          progress.seconds_left === null ? "" : `, ${duration(progress.seconds_left)} left`
        }`
      }</span></div>
      <progress class="progress" max="1" value=${share} aria-label=${`Rebuild of ${name}`}></progress>
      ${error && html`<p class="kind-bad">${error}</p>`}
      ${
        result?.tables &&
        html`<ul class="failures">${
          Object.entries(result.tables).map(([table, comparison]) =>
            html`<li key=${table}><strong>${sentence(words(table))}</strong> ${compared(comparison)}</li>`
          )
        }</ul>`
      }
      ${
        progress &&
        html`<div class="actions"><button class="button" type="button" onClick=${cancel}>Stop this rebuild</button></div>`
      }`
    })
  }</div>`
}

/** @param {TableComparison} comparison */
const compared = ({ different, equal, only_live, only_rebuilt, rows }) =>
  equal
    ? `the same ${counted(rows.live, "row")}`
    : `${counted(only_live, "row")} would be removed, ${count(only_rebuilt)} would be added, ${
      count(different)
    } would change`

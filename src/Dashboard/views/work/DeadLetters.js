import { useSignal } from "@preact/signals"
import { query } from "../../Api.js"
import { counted, time } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Empty, shown } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"
import { replace, route, to } from "../../Route.js"
import { DeadLetter } from "./DeadLetter.js"
import { Operate } from "./Operate.js"
import { Pager } from "./Pager.js"
import { Pair } from "./Pair.js"
import { useSelected } from "./Selected.js"

/** @import { DeadLetterSummary } from "../../../Admin/Api/DeadLetters.ts" */
/** @typedef {{ dead_letters: readonly DeadLetterSummary[], total: number | null, cursor: number, more: boolean }} Answer */

/** @typedef {Readonly<Record<string, string>>} Filter */
/** @typedef {"redrive" | "discard"} Verb */

const filters = ["consumer", "type", "error"]

/** The dead letters with their errors, and the actions to redrive or discard them. @param {{ id?: string }} props */
export const DeadLetters = ({ id }) => {
  const filter = filterOf(route.value.parameters)
  const before = useSignal(/** @type {readonly number[]} */ ([]))
  const path = `/v1/dead-letters${query({ ...filter, before: before.value.at(-1), limit: 50 })}`
  const loaded = useAnswer(path, 5_000)
  const answer = /** @type {Answer | undefined} */ (loaded.data)
  const selected = useSelected((answer?.dead_letters ?? []).map(({ id }) => id))
  const doing = useSignal(
    /** @type {{ verb: Verb, ids: readonly string[] } | undefined} */ (undefined)
  )
  const filtered = Object.keys(filter).length > 0
  const isEmpty = answer === undefined || (answer.dead_letters.length === 0 && !answer.more)
  const amount = selected.ids.length > 0 ? String(selected.ids.length) : filtered ? "all matches" : "all"

  const list = html`<section class="card">
    <${Tools} filter=${filter} amount=${amount} isEmpty=${isEmpty} onFilter=${() => (before.value = [])}
      begin=${(/** @type {Verb} */ verb) => (doing.value = { verb, ids: selected.ids })} />
    ${
    shown(
      /** @type {import("../../Load.js").Loaded<Answer>} */ (loaded),
      ({ cursor, dead_letters, more, total }) =>
        isEmpty && before.value.length === 0
          ? html`<${Empty} kind=${filtered ? "idle" : "ok"} title=${
            filtered ? "No matching dead letter" : "No dead letters"
          }>${filtered ? "Change or clear the filter." : "Each consumer has handled every event."}<//>`
          : html`<${Letters} letters=${dead_letters} selected=${selected} open=${id} filter=${filter} />
        <${Pager} pages=${before} cursor=${cursor} more=${more} said=${
            total === null
              ? `${counted(dead_letters.length, "dead letter")} on this page`
              : counted(total, "dead letter")
          } />`
    )
  }
    ${
    doing.value &&
    html`<${Operate} verb=${doing.value.verb} what="dead letter" path=${`/v1/dead-letters/${doing.value.verb}`}
      selection=${
      doing.value.ids.length > 0 ? { ids: doing.value.ids } : filtered ? { filter } : { all: true }
    }
      onClose=${() => {
      doing.value = undefined
      selected.clear()
      loaded.reload()
    }} />`
  }
  </section>`

  return html`<${Pair} title="Dead letter" back=${to(["work", "dead-letters"], filter)} list=${list}
    detail=${id && html`<${DeadLetter} key=${id} id=${id} changed=${loaded.reload} />`} />`
}

/** @param {URLSearchParams} parameters @returns {Filter} */
const filterOf = (parameters) =>
  Object.fromEntries(filters.flatMap((name) => {
    const value = parameters.get(name)
    return value ? [[name, value]] : []
  }))

/**
 * The fields of the filter, and the buttons that begin an operation on `amount` dead letters.
 * @param {{ filter: Filter, amount: string, isEmpty: boolean, onFilter: () => void, begin: (verb: Verb) => void }} props
 */
const Tools = ({ amount, begin, filter, isEmpty, onFilter }) => {
  const change = (/** @type {string} */ name) => (/** @type {any} */ event) => {
    onFilter()
    replace(to(["work", "dead-letters"], { ...filter, [name]: event.target.value.trim() }))
  }
  return html`<div class="card-head tools-row">
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      ${
    filters.map((name) =>
      html`<input key=${name} class="input" type="search" aria-label=${`Only with this ${name}`}
        placeholder=${name === "error" ? "Error contains" : name === "type" ? "Type" : "Consumer"}
        value=${filter[name] ?? ""} onChange=${change(name)} />`
    )
  }
    </form>
    <div class="actions">
      <button class="button" type="button" disabled=${isEmpty} onClick=${() =>
    begin("redrive")}>Redrive ${amount}</button>
      <button class="button bad" type="button" disabled=${isEmpty} onClick=${() =>
    begin("discard")}>Discard ${amount}</button>
    </div>
  </div>`
}

/**
 * @param {{ letters: readonly DeadLetterSummary[], selected: ReturnType<typeof useSelected>, open: string | undefined,
 *   filter: Filter }} props
 */
const Letters = ({ filter, letters, open, selected }) =>
  html`<${Table} name="Dead letters" head=${html`
    <th scope="col" class="tight">${selected.all}</th><th scope="col">Event</th>
    <th scope="col">Error</th><th scope="col">Consumer</th><th scope="col" class="number">Attempts</th>
    <th scope="col">Failed last (UTC)</th>`}>${
    letters.map((letter) =>
      html`<tr key=${letter.id} class=${letter.id === open ? "selected" : ""}>
        <td class="tight">${selected.box(letter.id, letter.event_id)}</td>
        <td class="clip wide"><a class="mono" href=${
        to(["work", "dead-letters", letter.id], filter)
      }>${letter.event_id}</a></td>
        <td class="clip wider" title=${letter.error}>${letter.error}</td>
        <td class="tight">${letter.consumer}</td>
        <td class="number tight">${letter.attempts}</td>
        <td class="tight muted">${time(letter.last_failed_at)}</td>
      </tr>`
    )
  }<//>`

import { useSignal } from "@preact/signals"
import { query } from "../../Api.js"
import { bytes, counted, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Badge } from "../../parts/Badge.js"
import { Bytes } from "../../parts/Bytes.js"
import { Empty, shown } from "../../parts/Notice.js"
import { Table } from "../../parts/Table.js"
import { replace, route, to } from "../../Route.js"
import { Headers } from "./Headers.js"
import { Operate } from "./Operate.js"
import { Pager } from "./Pager.js"
import { Pair } from "./Pair.js"
import { useSelected } from "./Selected.js"

/** @import { QuarantineDetail, QuarantineSummary } from "../../../Admin/Api/Quarantine.ts" */
/** @import { Loaded } from "../../Load.js" */
/** @typedef {{ quarantined: readonly QuarantineSummary[], cursor: number, more: boolean }} Answer */

const reasons = ["invalid_json", "invalid_envelope", "invalid_data"]

/**
 * Signed deliveries that are not usable events, with the reason, and the action to redrive them.
 * @param {{ id?: string }} props
 */
export const Quarantine = ({ id }) => {
  const reason = route.value.parameters.get("reason") ?? ""
  const before = useSignal(/** @type {readonly number[]} */ ([]))
  const path = `/v1/quarantine${query({ reason, before: before.value.at(-1), limit: 50 })}`
  const loaded = /** @type {Loaded<Answer>} */ (useAnswer(path, 5_000))
  const entries = loaded.data?.quarantined ?? []
  const selected = useSelected(entries.map(({ sequence }) => String(sequence)))
  const doing = useSignal(/** @type {readonly string[] | undefined} */ (undefined))
  const amount = selected.ids.length > 0 ? String(selected.ids.length) : reason ? "all matches" : "all"

  const list = html`<section class="card">
    <div class="card-head tools-row">
      <select class="input narrow" aria-label="Only with this reason" value=${reason}
        onChange=${(/** @type {any} */ event) => {
    before.value = []
    replace(to(["work", "quarantine"], { reason: event.target.value }))
  }}>
        <option value="">Any reason</option>
        ${reasons.map((one) => html`<option key=${one} value=${one}>${words(one)}</option>`)}
      </select>
      <button class="button" type="button" disabled=${entries.length === 0}
        onClick=${() => (doing.value = selected.ids)}>Redrive ${amount}</button>
    </div>
    ${
    shown(loaded, ({ cursor, more, quarantined }) =>
      quarantined.length === 0
        ? html`<${Empty} kind=${reason ? "idle" : "ok"} title=${
          reason ? "No match" : "Nothing in quarantine"
        }>
            ${reason ? "Choose another reason." : "Every signed delivery could be decoded."}<//>`
        : html`<${Entries} entries=${quarantined} selected=${selected} open=${id} reason=${reason} />
        <${Pager} pages=${before} cursor=${cursor} more=${more} said=${
          counted(quarantined.length, "entry", "entries")
        } />`)
  }
    ${
    doing.value && html`<${Operate} verb="redrive" what="entry" many="entries"
      path="/v1/quarantine/redrive" selection=${
      doing.value.length > 0 ? { sequences: doing.value.map(Number) } : reason ? { reason } : { all: true }
    } onClose=${() => {
      doing.value = undefined
      selected.clear()
      loaded.reload()
    }} />`
  }
  </section>`

  return html`<${Pair} title="Quarantined entry" back=${to(["work", "quarantine"], { reason })} list=${list}
    detail=${id && html`<${Entry} key=${id} sequence=${id} />`} />`
}

/**
 * @param {{ entries: readonly QuarantineSummary[], selected: ReturnType<typeof useSelected>, open: string | undefined,
 *   reason: string }} props
 */
const Entries = ({ entries, open, reason, selected }) =>
  html`<${Table} name="Quarantine" head=${html`
    <th scope="col" class="tight">${selected.all}</th><th scope="col">Entry</th>
    <th scope="col">Reason</th><th scope="col">Problems</th><th scope="col">Readable now</th>
    <th scope="col">Received (UTC)</th>`}>${
    entries.map((entry) => {
      const sequence = String(entry.sequence)
      return html`<tr key=${sequence} class=${sequence === open ? "selected" : ""}>
        <td class="tight">${selected.box(sequence, entry.id)}</td>
        <td class="clip wide"><a class="mono" href=${
        to(["work", "quarantine", sequence], { reason })
      }>${entry.id}</a></td>
        <td class="tight">${words(entry.reason)}</td>
        <td class="clip wider" title=${problemsOf(entry)}>${problemsOf(entry)}</td>
        <td class="tight"><${Decodes} entry=${entry} /></td>
        <td class="tight muted">${time(entry.received_at)}</td>
      </tr>`
    })
  }<//>`

/** @param {{ entry: QuarantineSummary }} props */
const Decodes = ({ entry }) =>
  entry.decodes ? html`<${Badge} kind="ok">Yes<//>` : html`<${Badge} kind="warn">No<//>`

/** @param {QuarantineSummary} entry */
const problemsOf = ({ problems }) =>
  problems.map(({ message, path }) => path === "" ? message : `${path}: ${message}`).join("; ")

/** @param {{ sequence: string }} props */
const Entry = ({ sequence }) => {
  const path = `/v1/quarantine/${encodeURIComponent(sequence)}`
  const loaded = /** @type {Loaded<QuarantineDetail>} */ (useAnswer(path))
  return shown(loaded, (entry) =>
    html`
      <div class=${entry.decodes ? "notice info" : "notice warn"}><div class="cause">
        <h3>${
      entry.decodes ? "This version can decode it: a redrive turns it into an event" : sentenceOf(entry)
    }</h3>
        <ul>${
      entry.problems.map(({ message, path }) => html`<li><code>${path || "body"}</code> ${message}</li>`)
    }</ul>
      </div></div>
      <dl class="facts">
        <dt>Id</dt><dd><a class="mono" href=${to(["events", entry.id])}>${entry.id}</a></dd>
        <dt>Type</dt><dd>${entry.type ?? "could not be read"}</dd>
        <dt>Reason</dt><dd>${words(entry.reason)}, when it was received</dd>
        <dt>Received</dt><dd>${time(entry.received_at)} UTC, sequence ${entry.sequence}</dd>
        <dt>Size</dt><dd>${bytes(entry.size)}</dd>
      </dl>
      <${Bytes} title="Signed bytes" base64=${entry.body_base64} />
      <${Headers} title="Headers in the log" headers=${entry.headers} />
    `)
}

/** @param {QuarantineDetail} entry */
const sentenceOf = ({ problems }) => problems.length === 1 ? "One problem" : `${problems.length} problems`

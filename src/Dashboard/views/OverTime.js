import { query } from "../Api.js"
import { compact, country, decimal, sentence, share } from "../Format.js"
import { html } from "../Html.js"
import { useAnswer } from "../Load.js"
import { Bars } from "../parts/Bars.js"
import { shown } from "../parts/Notice.js"
import { Segments } from "../parts/Segments.js"
import { replace, route, to } from "../Route.js"
import { CodePicker } from "./time/CodePicker.js"
import { Course } from "./time/Course.js"

/** @import { AllAnalytics, CodeAnalytics } from "../../Admin/Api/Analytics.ts" */
/** @typedef {CodeAnalytics & { top_codes?: AllAnalytics["top_codes"] }} Answer */

const periods =
  /** @type {const} */ ([["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"], ["all", "All"]])
const granularities = /** @type {const} */ ([["hour", "Hour"], ["day", "Day"], ["week", "Week"]])

/** @template {string} T @param {readonly (readonly [T, string])[]} options @param {string | null} given @param {T} otherwise */
const oneOf = (options, given, otherwise) => options.find(([key]) => key === given)?.[0] ?? otherwise

/**
 * Scans and conversations over time, of one code or all. The data come from counters, so the cost does not grow with
 * the number of scans.
 */
export const OverTime = () => {
  const { parameters } = route.value
  const period = oneOf(periods, parameters.get("period"), "30d")
  const granularity = oneOf(granularities, parameters.get("granularity"), "day")
  const code = parameters.get("code") ?? ""
  const change = (/** @type {Record<string, string>} */ changed) =>
    replace(to(["time"], { period, granularity, code, ...changed }))
  const path = `${code ? `/v1/qpr-codes/${encodeURIComponent(code)}` : "/v1"}/analytics${
    query({ period, granularity })
  }`
  const loaded = /** @type {import("../Load.js").Loaded<Answer>} */ (useAnswer(path, 10_000))
  return html`<div class="view-head">
      <h1>Over time</h1>
      <div class="controls">
        <${CodePicker} code=${code} onChange=${(/** @type {string} */ value) => change({ code: value })} />
        <${Segments} label="Period" value=${period} options=${periods}
          onChange=${(/** @type {string} */ value) => change({ period: value })} />
        <${Segments} label="By" value=${granularity} options=${granularities}
          onChange=${(/** @type {string} */ value) => change({ granularity: value })} />
      </div>
    </div>
    ${
    shown(loaded, (answer) =>
      html`<div class=${loaded.fresh ? "time" : "time stale"}>
        <${Figures} answer=${answer} />
        <${Course} answer=${answer} period=${period} granularity=${granularity} />
        <${Tops} answer=${answer} linkOf=${(/** @type {string} */ code) =>
        to(["time"], { period, granularity, code })} />
      </div>`)
  }`
}

/** @param {{ answer: Answer }} props */
const Figures = ({ answer }) =>
  html`<dl class="figures card">
    <${Figure} title="Scans" value=${compact(answer.scans_total)} />
    <${Figure} title="Conversations ended" value=${compact(answer.conversations_completed)} />
    <${Figure} title="Conversation rate" value=${answer.scans_total ? share(answer.conversation_rate) : "–"}
      note="of scans start one" />
    <${Figure} title="Messages" value=${
    answer.scans_total ? decimal(answer.avg_messages_per_conversation) : "–"
  }
      note="a conversation, on average" />
  </dl>`

/**
 * The codes, countries and devices with the most scans. `linkOf` returns the address of this view for a code.
 * @param {{ answer: Answer, linkOf: (code: string) => string }} props
 */
const Tops = ({ answer, linkOf }) => {
  const { scans_total, top_codes, top_countries, top_devices } = answer
  return html`<div class=${top_codes ? "tops" : "tops two"}>
    ${
    top_codes &&
    html`<${Bars} title="Top codes" total=${scans_total} rows=${
      top_codes.map(({ name, qpr_code_id, scans, short_id }) => ({
        key: qpr_code_id ?? "",
        value: scans,
        name: qpr_code_id === null
          ? "Unknown"
          : html`<a href=${linkOf(qpr_code_id)}>${name ?? short_id ?? qpr_code_id}</a>`
      }))
    } />`
  }
    <${Bars} title="Top countries" total=${scans_total} rows=${
    top_countries.map(({ country: code, scans }) => ({ key: code ?? "", value: scans, name: country(code) }))
  } />
    <${Bars} title="Top devices" total=${scans_total} rows=${
    top_devices.map(({ device, scans }) => ({
      key: device ?? "",
      value: scans,
      name: device === null ? "Unknown" : sentence(device)
    }))
  } />
  </div>`
}

/** @param {{ title: string, value: string, note?: string }} props */
const Figure = ({ note = "", title, value }) =>
  html`<div><dt>${title}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`

import { count, counted, duration, time, words } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Badge } from "../../parts/Badge.js"
import { shown } from "../../parts/Notice.js"
import { Rebuild } from "./Rebuild.js"

/** @import { ProjectionAnswer } from "../../../Admin/Api/Projections.ts" */
/** @import { Loaded } from "../../Load.js" */
/** @typedef {{ projections: readonly ProjectionAnswer[] }} Answer */

/** The read models: their positions, whether every event is accounted for, and their rebuilds. */
export const Projections = () => {
  const path = "/v1/projections"
  const loaded = /** @type {Loaded<Answer>} */ (useAnswer(path, 10_000))
  return html`${
    shown(loaded, ({ projections }) =>
      html`<div class="models">${
        projections.map((one) =>
          html`<${Projection} key=${one.name} projection=${one} changed=${loaded.reload} />`
        )
      }
    </div>`)
  }`
}

/** @param {{ projection: ProjectionAnswer, changed: () => void }} props */
const Projection = ({ changed, projection }) => {
  const {
    completeness: all,
    fault,
    finished_to,
    generation,
    lag,
    lag_seconds,
    last_error,
    name,
    rows,
    version
  } = projection
  return html`<section class="card model" aria-label=${name} data-projection=${name}>
    <div class="card-head"><h2>${name}</h2>${state(projection)}</div>
    <div class="card-body stack">
      <dl class="figures">
        ${
    Object.entries(rows).slice(0, 1).map(([table, amount]) =>
      html`<div key=${table}><dt>Rows</dt><dd>${about(amount)}</dd></div>`
    )
  }
      </dl>
      <dl class="facts">
        ${countersOf(rows)}
        <dt>Generation</dt><dd>${generation}, version ${version}${
    projection.rebuild_due ? ", a rebuild is due" : ""
  }</dd>
        <dt>Position</dt><dd>${count(finished_to)}, ${
    lag === 0
      ? "up to date with the log"
      : `${counted(lag, "event")} behind, the oldest for ${duration(lag_seconds)}`
  }</dd>
        <dt>Completeness</dt><dd>${count(all.applied)} applied, ${count(all.not_mine)} of other types${
    all.repeated > 0 ? `, ${count(all.repeated)} repeated` : ""
  }${all.dead_letters > 0 ? `, ${counted(all.dead_letters, "dead letter")}` : ""}${
    all.missing > 0
      ? html`, <strong class="kind-bad">${count(all.missing)} missing</strong>`
      : ", none missing"
  }${all.unexplained ? `, ${count(all.unexplained)} not in the log` : ""}</dd>
        ${fault && html`<dt>Fault</dt><dd><strong class="kind-bad">${fault}</strong></dd>`}
        ${last_error && html`<dt>Last wait</dt><dd>${last_error.message}, ${time(last_error.at)} UTC</dd>`}
      </dl>
      <${Rebuild} projection=${projection} changed=${changed} />
    </div>
  </section>`
}

/** The first table is the read model; the other tables are counters of it. @param {ProjectionAnswer["rows"]} rows */
const countersOf = (rows) => {
  const counters = Object.entries(rows).slice(1)
  if (counters.length === 0) return ""
  return html`<dt>Counters</dt><dd>${
    counters.map(([table, amount]) => `${words(table)} ${about(amount)}`).join(", ")
  }</dd>`
}

/** Above ten thousand rows the database estimates the number. @param {number} rows */
const about = (rows) => rows > 10_000 ? `about ${count(rows)}` : count(rows)

/** @param {ProjectionAnswer} projection */
const state = ({ completeness, fault, lag_seconds, rebuild }) => {
  if (rebuild) return html`<${Badge} kind="busy">Rebuilding<//>`
  if (completeness.missing > 0) return html`<${Badge} kind="bad">Events are missing<//>`
  if (fault) return html`<${Badge} kind="bad">Does not match the log<//>`
  if (lag_seconds >= 60) return html`<${Badge} kind="bad">Behind<//>`
  return lag_seconds >= 2
    ? html`<${Badge} kind="busy">Catching up<//>`
    : html`<${Badge} kind="ok">Up to date<//>`
}

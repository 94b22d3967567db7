import { html } from "../Html.js"
import { Mark } from "./Badge.js"

/** An error, with a button to retry. @param {{ problem: import("../Api.js").Problem, retry?: () => void }} props */
export const Failed = ({ problem, retry }) =>
  html`<div class="notice" role="alert">
    <${Mark} kind="bad" />
    <div><strong>${problem.title}</strong><p>${problem.message}</p></div>
    ${retry && html`<button class="button" type="button" onClick=${retry}>Try again</button>`}
  </div>`

/**
 * An empty state, with an explanation or an instruction.
 * @param {{ title: string, kind?: import("./Badge.js").Kind, children?: unknown }} props
 */
export const Empty = ({ children, kind = "idle", title }) =>
  html`<div class="empty"><${Mark} kind=${kind} /><strong>${title}</strong><p>${children}</p></div>`

/** Reserves space for data that are being loaded, so that the layout does not move when they arrive. */
export const Loading = () => html`<div class="empty"><p>Loading …</p></div>`

/**
 * Shows loaded data, or the problem. The data stay on screen when a later load fails.
 * @template T
 * @param {import("../Load.js").Loaded<T>} loaded
 * @param {(data: T) => unknown} show
 */
export const shown = ({ data, problem, reload }, show) =>
  html`
    ${problem && html`<${Failed} problem=${problem} retry=${reload} />`}
    ${data !== undefined ? show(data) : !problem && html`<${Loading} />`}
  `

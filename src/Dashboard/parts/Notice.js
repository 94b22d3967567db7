import { html } from "../Html.js"
import { Mark } from "./Badge.js"

/** What went wrong, and trying again. @param {{ problem: import("../Api.js").Problem, retry?: () => void }} props */
export const Failed = ({ problem, retry }) =>
  html`<div class="notice" role="alert">
    <${Mark} kind="bad" />
    <div><strong>${problem.title}</strong><p>${problem.message}</p></div>
    ${retry && html`<button class="button" type="button" onClick=${retry}>Try again</button>`}
  </div>`

/** There is nothing, and that is fine or says what to do. @param {{ title: string, kind?: import("./Badge.js").Kind, children?: unknown }} props */
export const Empty = ({ children, kind = "idle", title }) =>
  html`<div class="empty"><${Mark} kind=${kind} /><strong>${title}</strong><p>${children}</p></div>`

/** Room for what is being loaded, so that nothing moves when it comes. */
export const Loading = () => html`<div class="empty"><p>Loading …</p></div>`

/**
 * What was loaded, or why not. What is on screen stays when a later load fails.
 * @template T
 * @param {import("../Load.js").Loaded<T>} loaded
 * @param {(data: T) => unknown} show
 */
export const shown = ({ data, problem, reload }, show) =>
  html`
    ${problem && html`<${Failed} problem=${problem} retry=${reload} />`}
    ${data !== undefined ? show(data) : !problem && html`<${Loading} />`}
  `

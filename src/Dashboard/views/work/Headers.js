import { html } from "../../Html.js"

/** A list of headers. @param {{ title: string, headers: Readonly<Record<string, string>> }} props */
export const Headers = ({ headers, title }) =>
  html`<section><h3>${title}</h3>
    <dl class="facts mono headers">${
    Object.entries(headers).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)
  }</dl>
  </section>`

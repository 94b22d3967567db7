import { html } from "../Html.js"

/** The kind of a state. Each has its own colour and shape. @typedef {"ok" | "warn" | "bad" | "idle" | "busy"} Kind */

const shapes = {
  ok:
    html`<path fill="currentColor" d="M6 0a6 6 0 1 1 0 12A6 6 0 0 1 6 0zm2.9 3.6L5.2 7.3 3.4 5.6l-.9 1 2.7 2.6 4.6-4.6z" />`,
  warn:
    html`<path fill="currentColor" d="M6 .6 12 11.4H0zM5.3 4.4l.2 3.2h1l.2-3.2zM6 8.4a.8.8 0 1 0 0 1.5.8.8 0 0 0 0-1.5z" />`,
  bad:
    html`<path fill="currentColor" d="M3.5 0h5L12 3.5v5L8.5 12h-5L0 8.5v-5zm.4 3L3 3.9 5.1 6 3 8.1l.9.9L6 6.9 8.1 9l.9-.9L6.9 6 9 3.9 8.1 3 6 5.1z" />`,
  idle: html`<circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.6" />`,
  busy: html`<path fill="currentColor" d="M6 0a6 6 0 0 1 0 12zM6 1.5a4.5 4.5 0 0 0 0 9V12A6 6 0 0 1 6 0z" />`
}

/** @param {{ kind: Kind }} props */
export const Mark = ({ kind }) =>
  html`<svg class="mark kind-${kind}" viewBox="0 0 12 12" aria-hidden="true">${shapes[kind]}</svg>`

/** A state in words, with its shape. @param {{ kind: Kind, children?: unknown }} props */
export const Badge = ({ children, kind }) =>
  html`<span class="badge"><${Mark} kind=${kind} /><span class="label">${children}</span></span>`

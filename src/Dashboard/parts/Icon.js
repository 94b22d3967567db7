import { html } from "../Html.js"

const paths = {
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6l7.5-4.8z",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3 3",
  sun:
    "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
  auto: "M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM8 2.5v11M8 5.5h4.8M8 8h5.4M8 10.5h4.8",
  help: "M6 6.2a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.6M8 12v.1",
  leave: "M6.5 2.5h-3v11h3M7 8h6.5M11 5.5 13.5 8 11 10.5",
  back: "M9.5 3.5 5 8l4.5 4.5",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.8h-2.8"
}

/**
 * An icon beside a text of the same meaning, therefore hidden from screen readers.
 * @param {{ name: keyof typeof paths }} props
 */
export const Icon = ({ name }) =>
  html`<svg class="icon-svg" viewBox="0 0 16 16" aria-hidden="true"><path d=${paths[name]} /></svg>`

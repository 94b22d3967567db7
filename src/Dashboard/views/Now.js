import { html } from "../Html.js"
import { connection } from "../live/Connection.js"
import { Consumers } from "./now/Consumers.js"
import { Feed } from "./now/Feed.js"
import { Minutes } from "./now/Minutes.js"
import { Readiness } from "./now/Readiness.js"
import { Tiles } from "./now/Tiles.js"

/** The live status of the system. */
export const Now = () =>
  html`<h1 class="visually-hidden">Now</h1>
  <div class=${connection.value.state === "lost" ? "now stale" : "now"}>
    <${Readiness} />
    <${Tiles} />
    <${Minutes} />
    <${Consumers} />
    <${Feed} />
  </div>`

import { useSignal } from "@preact/signals"
import { bytes, counted, time } from "../../Format.js"
import { html } from "../../Html.js"
import { useAnswer } from "../../Load.js"
import { Bytes } from "../../parts/Bytes.js"
import { shown } from "../../parts/Notice.js"
import { go, to } from "../../Route.js"
import { Headers } from "./Headers.js"
import { Operate } from "./Operate.js"

/** @import { DeadLetterDetail } from "../../../Admin/Api/DeadLetters.ts" */

/** One dead letter with its signed body. @param {{ id: string, changed: () => void }} props */
export const DeadLetter = ({ changed, id }) => {
  const path = `/v1/dead-letters/${encodeURIComponent(id)}`
  const loaded = /** @type {import("../../Load.js").Loaded<DeadLetterDetail>} */ (
    useAnswer(path)
  )
  const verb = useSignal(/** @type {"redrive" | "discard" | undefined} */ (undefined))
  const close = (/** @type {boolean} */ done) => {
    verb.value = undefined
    changed()
    if (done) go(to(["work", "dead-letters"]))
  }
  return shown(loaded, (letter) =>
    html`
      <div class="notice"><${Cause} error=${letter.error} /></div>
      <div class="actions">
        <button class="button main" type="button" onClick=${() => (verb.value = "redrive")}>Redrive</button>
        <button class="button bad" type="button" onClick=${() => (verb.value = "discard")}>Discard</button>
      </div>
      <dl class="facts">
        <dt>Event</dt><dd><a class="mono" href=${to(["events", letter.event_id])}>${letter.event_id}</a></dd>
        <dt>Type</dt><dd>${letter.type}</dd>
        <dt>Consumer</dt><dd>${letter.consumer}, sequence ${letter.sequence}</dd>
        <dt>Failed</dt><dd>${counted(letter.attempts, "time")}, first ${time(letter.first_failed_at)}, last ${
      time(letter.last_failed_at)
    } UTC</dd>
        <dt>Size</dt><dd>${bytes(letter.size)}</dd>
      </dl>
      <${Bytes} title="Signed bytes" base64=${letter.body_base64} />
      <${Headers} title="Headers in the log" headers=${letter.headers} />
      ${
      verb.value &&
      html`<${Operate} verb=${verb.value} what="dead letter" path=${`/v1/dead-letters/${verb.value}`}
        selection=${{ ids: [id] }} onClose=${close} />`
    }
    `)
}

/** @param {{ error: string }} props */
const Cause = ({ error }) => html`<div class="cause"><h3>Why it failed</h3><p>${error}</p></div>`

import { html } from "../Html.js"
import { helpShown, keys, keysOn, setKeys } from "../Keys.js"
import { Dialog } from "../parts/Dialog.js"

/** Lists the shortcut keys, and where to find more help. */
export const Help = () => {
  const close = () => (helpShown.value = false)
  return html`<${Dialog} title="Keys and help" onClose=${close}>
    <dl class="keys">${keys.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl>
    <label><input type="checkbox" checked=${keysOn.value}
      onChange=${() => setKeys(!keysOn.value)} /> Single keys are on</label>
    <p class="muted">All times are in UTC. <a href="/docs">/docs</a> describes the API. The commands are in
      <code>threeqpr --help</code>.</p>
    <div class="dialog-foot"><button class="button" type="button" onClick=${close}>Close</button></div>
  <//>`
}

import htm from "htm"
import { h } from "preact"

/**
 * Markup as a tagged template: `` html`<p class="x">${text}</p>` ``. Text is never interpreted as markup.
 * @type {(strings: TemplateStringsArray, ...values: readonly unknown[]) => import("preact").VNode}
 */
export const html = /** @type {any} */ (htm).bind(h)

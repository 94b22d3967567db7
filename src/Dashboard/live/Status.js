import { signal } from "@preact/signals"

/** @import { LiveStatus } from "../../Admin/Api/Live.ts" */

/**
 * Rates at one moment, in events a second: `null` where a rate is unknown.
 * @typedef {{ at: number, in: number | null, stored: number | null, duplicate: number | null,
 *   quarantined: number | null, rejected: number | null, projected: number | null }} Point
 */

/** Number of points that are kept: one a second, for five minutes. */
export const span = 300

/** The last status that was received. */
export const status = signal(/** @type {LiveStatus | undefined} */ (undefined))

/** The rates of the last five minutes, oldest first. */
export const history = signal(/** @type {readonly Point[]} */ ([]))

/** Adds a status. @param {LiveStatus} next */
export const add = (next) => {
  status.value = next
  const point = { at: Date.parse(next.at) / 1_000, ...ratesOf(next) }
  history.value = [...history.value, point].slice(-span)
}

/** Removes all data. */
export const reset = () => {
  status.value = undefined
  history.value = []
}

/** Adds a gap to the history, at which the line of the chart is interrupted. */
export const gap = () => {
  const last = history.value.at(-1)
  if (last === undefined || last.in === null) return
  history.value = [...history.value, { ...unknown, at: last.at + 0.001 }].slice(-span)
}

const unknown = {
  in: null,
  stored: null,
  duplicate: null,
  quarantined: null,
  rejected: null,
  projected: null
}

/** Outcomes of accepted deliveries. All other outcomes are rejections. */
const kept = new Set(["stored", "duplicate", "quarantined"])

/**
 * Sums by outcome, as the tiles show them.
 * @param {Readonly<Record<string, number>>} deliveries
 * @param {Readonly<Record<string, number>>} projected
 */
export const summed = (deliveries, projected) => {
  const of = (/** @type {string} */ outcome) => deliveries[outcome] ?? 0
  const all = sum(Object.values(deliveries))
  return {
    in: all,
    stored: of("stored"),
    duplicate: of("duplicate"),
    quarantined: of("quarantined"),
    rejected: sum(Object.entries(deliveries).map(([outcome, value]) => kept.has(outcome) ? 0 : value)),
    projected: sum(Object.values(projected))
  }
}

/** @param {LiveStatus} status */
export const ratesOf = ({ rates }) => rates ? summed(rates.deliveries, rates.projected) : unknown

/** @param {readonly number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0)

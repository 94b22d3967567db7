/** The delays between 3QPR's delivery attempts of one event, in milliseconds. Source: its webhook guide. */
export const retryWaits = [5_000, 30_000, 120_000, 600_000, 3_600_000] as const

/** The time from 3QPR's first delivery attempt to its last, in milliseconds. */
export const retrySchedule = retryWaits.reduce((sum, wait) => sum + wait, 0)

/** A scan for the analytics, and its time in epoch milliseconds. */
export interface Scanned {
  readonly at: number
  readonly scan: {
    readonly country: string
    readonly city: string
    readonly device: string
    readonly conversation_started: boolean
    readonly conversation_messages: number
  }
}

export const periods = ["7d", "30d", "90d", "all"] as const
export const granularities = ["hour", "day", "week"] as const

export interface AnalyticsQuery {
  readonly qpr_code_id: string
  readonly period: (typeof periods)[number]
  readonly granularity: (typeof granularities)[number]
}

/** The response of 3QPR's `GET /v1/qpr-codes/:id/analytics`. */
export interface Analytics {
  readonly qpr_code_id: string
  readonly period: string
  readonly scans_total: number
  /** The number of pairs of device and city, because scans have no id of a device. */
  readonly scans_unique_devices: number
  /** Started conversations per scan, to two decimals. */
  readonly conversation_rate: number
  /** Messages per started conversation, to one decimal. */
  readonly avg_messages_per_conversation: number
  /** At most ten countries, those with the most scans first. */
  readonly top_countries: ReadonlyArray<{ readonly country: string; readonly scans: number }>
  /**
   * The hours, days or weeks (from Monday) that have scans, in UTC, oldest first. 3QPR does not document the fields.
   */
  readonly timeseries: ReadonlyArray<{ readonly date: string; readonly scans: number }>
}

/** The analytics of the scans of one code, as of `now` (epoch milliseconds). */
export const analyticsOf = (
  all: ReadonlyArray<Scanned>,
  { granularity, period, qpr_code_id }: AnalyticsQuery,
  now: number
): Analytics => {
  const scans = all.filter(({ at }) => at >= now - lengths[period])
  const started = scans.filter(({ scan }) => scan.conversation_started)
  const messages = started.reduce((sum, { scan }) => sum + scan.conversation_messages, 0)
  const countries = [...countBy(scans, ({ scan }) => scan.country)]
  return {
    qpr_code_id,
    period,
    scans_total: scans.length,
    scans_unique_devices: countBy(scans, ({ scan }) => `${scan.device}\n${scan.city}`).size,
    conversation_rate: ratio(started.length, scans.length, 2),
    avg_messages_per_conversation: ratio(messages, started.length, 1),
    top_countries: countries
      .map(([country, scans]) => ({ country, scans }))
      .sort((a, b) => b.scans - a.scans || a.country.localeCompare(b.country, "en"))
      .slice(0, 10),
    timeseries: [...countBy(scans, ({ at }) => startOf[granularity](at))]
      .map(([date, scans]) => ({ date, scans }))
      .sort((a, b) => a.date.localeCompare(b.date, "en"))
  }
}

const day = 86_400_000

const lengths = { "7d": 7 * day, "30d": 30 * day, "90d": 90 * day, all: Infinity }

const dateOf = (millis: number) => new Date(millis).toISOString().slice(0, 10)

const startOf = {
  hour: (at: number) => `${new Date(at).toISOString().slice(0, 13)}:00:00Z`,
  day: dateOf,
  // 1970-01-01 was a Thursday, three days into its week.
  week: (at: number) => dateOf((Math.floor((Math.floor(at / day) + 3) / 7) * 7 - 3) * day)
}

const countBy = (scans: ReadonlyArray<Scanned>, keyOf: (scanned: Scanned) => string) => {
  const counts = new Map<string, number>()
  for (const scan of scans) {
    const key = keyOf(scan)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const ratio = (part: number, whole: number, decimals: number) =>
  whole === 0 ? 0 : Number((part / whole).toFixed(decimals))

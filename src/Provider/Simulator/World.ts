import { Array as Arr, Effect, Random } from "effect"
import type { CodeRecord, ScanRecord } from "./Account.ts"
import { chance, type IdOf, pick, weighted } from "./Draws.ts"

/** A code of the simulated customer. */
export interface Code {
  readonly id: string
  readonly name: string
  readonly short_id: string
  /** How often it is scanned, relative to the other codes. */
  readonly weight: number
}

/** The codes that are scanned, the same in every run. */
export const codes: readonly [Code, ...ReadonlyArray<Code>] = [
  { id: "qpr_01JQ3XA7M2B8T4V6Y9C1D5F0GH", name: "Table 4", short_id: "hc9m3r", weight: 9 },
  { id: "qpr_01JQ3XB1N5W7K3R9P2S4T6V8XZ", name: "Table 7", short_id: "k2p8wd", weight: 7 },
  { id: "qpr_01JQ3XC4D8H2J6M0Q5V9Y3B7FN", name: "Terrace", short_id: "t7q4xn", weight: 6 },
  { id: "qpr_01JQ3XD9R3T5W1Z8C4F2G7K6MP", name: "Museum entrance", short_id: "b5z1vy", weight: 14 },
  { id: "qpr_01JQ3XE2S6V0X4Y8A1D3H5J9NQ", name: "Audio guide, room 2", short_id: "m8d2fj", weight: 10 },
  { id: "qpr_01JQ3XF7T9Y1B5E3G8K2M4P6RW", name: "Product box", short_id: "w3n6ks", weight: 18 },
  { id: "qpr_01JQ3XG0V4Z6C8F2J5N7Q9S1TX", name: "Instruction leaflet", short_id: "q9r5tb", weight: 11 },
  { id: "qpr_01JQ3XH5W8A2D6G0K4P1R3T7VY", name: "Conference badge", short_id: "d4x7gc", weight: 8 },
  { id: "qpr_01JQ3XJ3X7B1E9H4M6Q8S2V5WZ", name: "Hotel room 12", short_id: "z6v3pa", weight: 4 },
  { id: "qpr_01JQ3XK8Y2C6F0J3N5R7T9W4XA", name: "Tram stop", short_id: "r1k9hm", weight: 7 },
  { id: "qpr_01JQ3XM6Z1D5G9K7P3S8V2X4YB", name: "Shop window", short_id: "f8t2qe", weight: 5 },
  { id: "qpr_01JQ3XN4A3E7H1M8Q0T6W9Y5ZC", name: "Newspaper ad", short_id: "y5j7nu", weight: 1 }
]

/** A scan in the 24 hours before `now`, more likely at a busy hour of the local time. */
export const scanOf = Effect.fnUntraced(function*(
  { idOf, now, started }: { readonly idOf: IdOf; readonly now: number; readonly started: boolean }
): Effect.fn.Return<ScanRecord> {
  const { id: qpr_code_id, short_id } = yield* weighted(codes)
  const { city, country, hours, region } = yield* weighted(places)
  const { device } = yield* weighted(devices)
  return {
    id: yield* idOf("scan"),
    qpr_code_id,
    short_id,
    scanned_at: new Date(yield* scannedAt(now, hours)).toISOString(),
    country,
    region,
    city,
    device,
    conversation_started: started,
    conversation_messages: started ? yield* messages : 0,
    metadata: (yield* chance(0.2)) ? { campaign: yield* pick(["spring", "opening", "loyalty"]) } : {}
  }
})

/** The share of scans that start a conversation, as in the example of 3QPR's analytics. */
export const conversationRate = 0.74

/** The conversation that a scan led to; it began after the scan and ended at most 15 minutes after it. */
export const conversationOf = Effect.fnUntraced(function*(idOf: IdOf, scan: ScanRecord) {
  const began = Date.parse(scan.scanned_at) + (yield* Random.nextIntBetween(2_000, 60_000))
  const lasted = scan.conversation_messages * (yield* Random.nextIntBetween(4_000, 30_000))
  return {
    id: yield* idOf("conv"),
    qpr_code_id: scan.qpr_code_id,
    scan_id: scan.id,
    started_at: new Date(began).toISOString(),
    completed_at: new Date(began + lasted).toISOString(),
    message_count: scan.conversation_messages,
    metadata: { ended_by: yield* pick(["user", "user", "timeout"]) }
  }
})

/** A code as 3QPR describes it after its creation. */
export const createdCode = ({ id, name, short_id }: Code, now: number): CodeRecord => {
  const created = new Date(now).toISOString()
  return {
    id,
    name,
    short_id,
    scan_url: `https://3qpr.com/s/${short_id}`,
    qr_image_url: `https://3qpr.com/qr/${short_id}.png`,
    qr_svg_url: `https://3qpr.com/qr/${short_id}.svg`,
    template: "default",
    status: "active",
    scans_total: 0,
    metadata: {},
    created_at: created,
    updated_at: created
  }
}

/** A customer's change of plan. */
export const subscriptionOf = Effect.fnUntraced(
  function*(idOf: IdOf, status: "active" | "cancelled", now: number) {
    return {
      id: yield* idOf("sub"),
      plan: yield* pick(["pro", "business"]),
      status,
      updated_at: new Date(now).toISOString()
    }
  }
)

/** Maximum duration of a conversation, in milliseconds. So none ends after `now`. */
const longest = 15 * 60_000

// The number of random draws is the same at every time of day, so that a seed gives the same events at any time.
const scannedAt = Effect.fnUntraced(function*(now: number, hours: number) {
  const hour = new Date(now - longest + hours * 3_600_000).getUTCHours()
  const drawn = yield* weighted(
    Arr.map(Arr.range(0, 23), (back) => ({ back, weight: dayCurve[(24 + hour - back) % 24] ?? 1 }))
  )
  const within = yield* Random.next
  return Math.round(now - longest - (drawn.back + within) / 24 * (24 * 3_600_000 - longest))
})

// The number of messages of a conversation: about 5 on average, often few, at most 24.
const messages = Effect.map(Random.next, (drawn) => Math.min(24, 1 + Math.floor(-4.9 * Math.log(1 - drawn))))

/** The relative number of scans at each hour of the day, at most 10. */
const dayCurve = [1, 1, 1, 1, 1, 1, 2, 4, 6, 6, 7, 8, 10, 9, 7, 6, 6, 7, 9, 10, 9, 6, 4, 2]

interface Place {
  readonly country: string
  readonly region: string
  readonly city: string
  /** The offset of its local time from UTC, in hours. */
  readonly hours: number
  readonly weight: number
}

const places: readonly [Place, ...ReadonlyArray<Place>] = [
  { country: "US", region: "CA", city: "San Francisco", hours: -8, weight: 18 },
  { country: "US", region: "NY", city: "New York", hours: -5, weight: 17 },
  { country: "US", region: "TX", city: "Austin", hours: -6, weight: 8 },
  { country: "CH", region: "ZH", city: "Zürich", hours: 1, weight: 10 },
  { country: "CH", region: "GE", city: "Genève", hours: 1, weight: 4 },
  { country: "DE", region: "BE", city: "Berlin", hours: 1, weight: 11 },
  { country: "DE", region: "BY", city: "München", hours: 1, weight: 6 },
  { country: "GB", region: "ENG", city: "London", hours: 0, weight: 8 },
  { country: "FR", region: "IDF", city: "Paris", hours: 1, weight: 6 },
  { country: "BR", region: "SP", city: "São Paulo", hours: -3, weight: 5 },
  { country: "JP", region: "13", city: "東京", hours: 9, weight: 5 },
  { country: "AU", region: "NSW", city: "Sydney", hours: 10, weight: 2 }
]

const devices: readonly [Device, ...ReadonlyArray<Device>] = [
  { device: "mobile", weight: 86 },
  { device: "tablet", weight: 9 },
  { device: "desktop", weight: 5 }
]

interface Device {
  readonly device: string
  readonly weight: number
}

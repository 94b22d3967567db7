import { isKnownType } from "../../Domain/Event.ts"

const at = (minute: number) => `2026-03-20T15:${String(minute).padStart(2, "0")}:00Z`

/** The data of three events of each kind of entity. The last two are about the same one. */
const dataOf: Readonly<Record<string, (index: number) => Readonly<Record<string, unknown>>>> = {
  scan: (index) => ({
    id: `scan_${Math.min(index, 1)}`,
    qpr_code_id: "qpr_1",
    short_id: "aB3xK9",
    scanned_at: at(30 - index),
    country: ["CH", "DE", "FR"][index],
    region: "Zurich",
    city: ["Zurich", "Berlin", "Paris"][index],
    device: ["mobile", "desktop", "tablet"][index],
    conversation_started: index !== 1,
    conversation_messages: index * 3,
    metadata: { campaign: "spring" }
  }),
  conversation: (index) => ({
    id: `conv_${Math.min(index, 1)}`,
    conversation_id: `conv_${Math.min(index, 1)}`,
    qpr_code_id: "qpr_1",
    scan_id: `scan_${Math.min(index, 1)}`,
    started_at: at(10),
    completed_at: at(30 - index),
    messages: [{ role: "user", content: "Hello" }],
    message_count: index + 1,
    metadata: { campaign: "spring" }
  }),
  qpr_code: (index) => ({
    id: `qpr_${Math.min(index, 1)}`,
    name: ["Menu", "Door", "Table"][index],
    short_id: "aB3xK9",
    scan_url: "https://3qpr.com/aB3xK9",
    status: ["active", "active", "paused"][index],
    metadata: { campaign: "spring" },
    created_at: at(1),
    updated_at: at(30 - index)
  }),
  subscription: (index) => ({
    id: `sub_${Math.min(index, 1)}`,
    plan: ["free", "pro", "team"][index],
    status: ["active", "active", "cancelled"][index],
    updated_at: at(30 - index)
  })
}

/** An event of the trial of a definition. */
export interface Sample {
  readonly event: { readonly id: string; readonly sequence: number; readonly receivedAt: string }
  readonly json: string
}

/**
 * Believable events of the known types among these, in the order of a log. Their times are in another order, so that
 * a definition shows whether the order of arrival matters. What other types contain is not known.
 */
export const samplesOf = (types: ReadonlyArray<string>): ReadonlyArray<Sample> =>
  [0, 1, 2].flatMap((index) => types.filter(isKnownType).map((type) => ({ index, type })))
    .map(({ index, type }, place) => ({
      event: { id: `evt_${place}`, sequence: place + 1, receivedAt: `2026-03-20T16:00:${10 + place}.000Z` },
      json: JSON.stringify({
        id: `evt_${place}`,
        event: type,
        data: dataOf[type.split(".")[0] ?? ""]?.(index)
      })
    }))

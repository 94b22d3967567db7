/** A column of a view: its type in Postgres, and its meaning. */
export type SqlColumn = readonly [type: string, about: string]

/** A view that users may query with SQL. */
export interface SqlView {
  readonly about: string
  readonly columns: Readonly<Record<string, SqlColumn>>
}

const ofRow = (entity: string) =>
  ({
    id: ["text", `The id of the ${entity}.`],
    event_id: ["text", "The id of the event that the row was made from."],
    sequence: ["bigint", "The sequence of that event in the log."],
    received_at: ["timestamptz", "When that event was received."]
  }) as const

const ofCode = ["text", "The id of the code; null when 3QPR sent none."] as const
const shortId = ["text", "The short id of the code; null when 3QPR sent none."] as const
const metadata = ["jsonb", "The metadata that 3QPR sent."] as const
const data = ["jsonb", "The whole `data` of the event."] as const
const country = ["text", "The country of the scans; null where 3QPR did not know it."] as const
const device = ["text", "The kind of device; null where 3QPR did not know it."] as const
const hour = ["timestamptz", "The beginning of the hour, in UTC."] as const
const day = ["timestamptz", "The beginning of the day, in UTC."] as const

const ofScans = {
  scans: ["bigint", "The number of scans."],
  conversations: ["bigint", "The number of scans that began a conversation."],
  messages: ["bigint", "The number of messages of these conversations."]
} as const

const ofConversations = {
  conversations: ["bigint", "The number of completed conversations."],
  messages: ["bigint", "The number of their messages."]
} as const

/**
 * The views of the read models of this program with all their columns. Users depend on them: a column keeps its name,
 * type and meaning. `npm run docs:reference` generates docs/sql.md from this.
 */
export const sqlViews: Readonly<Record<string, SqlView>> = {
  scans: {
    about: "One row for each scan, as its last event left it.",
    columns: {
      ...ofRow("scan"),
      scanned_at: ["timestamptz", "When the code was scanned, or when the event was received."],
      qpr_code_id: ofCode,
      short_id: shortId,
      country: ["text", "The country of the scan; null when 3QPR did not know it."],
      region: ["text", "The region of the scan; null when 3QPR did not know it."],
      city: ["text", "The city of the scan; null when 3QPR did not know it."],
      device,
      conversation_started: ["boolean", "Whether a conversation began; null when 3QPR did not say."],
      conversation_messages: ["bigint", "The number of its messages; null when 3QPR did not say."],
      metadata,
      data
    }
  },
  conversations: {
    about: "One row for each completed conversation.",
    columns: {
      ...ofRow("conversation"),
      completed_at: ["timestamptz", "When it ended, or when the event was received."],
      started_at: ["timestamptz", "When it began; null when 3QPR sent no time."],
      qpr_code_id: ofCode,
      scan_id: ["text", "The id of the scan that began it; null when 3QPR sent none."],
      message_count: ["bigint", "The number of its messages; null when 3QPR did not say."],
      metadata,
      data
    }
  },
  qpr_codes: {
    about: "One row for each QR code that an event or 3QPR's list named.",
    columns: {
      ...ofRow("code"),
      created_at: ["timestamptz", "When it was created, or when the event was received."],
      updated_at: ["timestamptz", "When it was changed last; null when 3QPR sent no time."],
      name: ["text", "The name of the code; null when 3QPR sent none."],
      short_id: shortId,
      scan_url: ["text", "The address that the code leads to; null when 3QPR sent none."],
      status: ["text", "The status of the code; null when 3QPR sent none."],
      metadata,
      data
    }
  },
  subscriptions: {
    about: "One row for each subscription, as its last event left it.",
    columns: {
      ...ofRow("subscription"),
      occurred_at: ["timestamptz", "When it was changed, or when the event was received."],
      last_event: ["text", "The type of its last event."],
      plan: ["text", "The plan; null when 3QPR sent none."],
      status: ["text", "The status; null when 3QPR sent none."],
      data
    }
  },
  scan_hours: {
    about: "Counters of scans, by code and hour.",
    columns: { qpr_code_id: ofCode, hour, ...ofScans }
  },
  scan_days: {
    about: "Counters of scans, by code, day, country and device.",
    columns: { qpr_code_id: ofCode, day, country, device, ...ofScans }
  },
  scan_code_days: {
    about: "Counters of scans, by code and day.",
    columns: { qpr_code_id: ofCode, day, ...ofScans }
  },
  scan_total_hours: {
    about: "Counters of the scans of all codes, by hour.",
    columns: { hour, ...ofScans }
  },
  scan_total_days: {
    about: "Counters of the scans of all codes, by day, country and device.",
    columns: { day, country, device, ...ofScans }
  },
  scan_counts: {
    about: "Scans by code, hour, country and device, counted from the rows by each query.",
    columns: { qpr_code_id: ofCode, hour, country, device, ...ofScans }
  },
  conversation_hours: {
    about: "Counters of completed conversations, by code and hour.",
    columns: { qpr_code_id: ofCode, hour, ...ofConversations }
  },
  conversation_total_hours: {
    about: "Counters of the completed conversations of all codes, by hour.",
    columns: { hour, ...ofConversations }
  }
}

/** The subjects to which a reader of a stream publishes. */
const reading = (stream: string) => [
  `$JS.API.CONSUMER.CREATE.${stream}`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`
]

/** The subjects that NATS users need. Tests grant exactly these, and `docs/security/nats-permissions.md` lists them. */
export const rolePermissions = {
  ingress: {
    publish: [
      "3qpr.events.>",
      "3qpr.quarantine.>",
      "$JS.API.INFO",
      "$JS.API.STREAM.INFO.*",
      ...reading("3QPR_ERASED"),
      "$JS.API.STREAM.MSG.GET.3QPR_ERASED"
    ],
    subscribe: ["_INBOX_ingress.>", "3qpr.counters", "3qpr.rejections"]
  },
  projector: {
    publish: [
      "3qpr.quarantine.probe",
      "$JS.API.INFO",
      "$JS.API.STREAM.INFO.*",
      "$JS.API.STREAM.MSG.GET.*",
      "$JS.API.CONSUMER.>",
      "$JS.ACK.>",
      "3qpr.dead.>",
      "3qpr.operations.>",
      "$JS.API.STREAM.MSG.DELETE.3QPR_DEAD_LETTERS",
      "$JS.API.STREAM.PURGE.3QPR_DEAD_LETTERS",
      "$JS.API.STREAM.PURGE.3QPR_REDRIVES"
    ],
    subscribe: ["_INBOX_projector.>", "3qpr.counters"]
  }
} as const

/** The subjects to which a durable consumer of a stream publishes. */
const consuming = (stream: string, name: string) => [
  `$JS.API.CONSUMER.INFO.${stream}.${name}`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${name}`,
  `$JS.API.CONSUMER.CREATE.${stream}.${name}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
  `$JS.ACK.${stream}.${name}.>`
]

/** The subjects to which a consumer with this name publishes, by purpose. */
export const consumerPermissions = (name: string) => ({
  consuming: consuming("3QPR_EVENTS", name),
  "dead letters": [
    `3qpr.dead.${name}.>`,
    "$JS.API.CONSUMER.CREATE.3QPR_DEAD_LETTERS",
    "$JS.API.CONSUMER.DELETE.3QPR_DEAD_LETTERS.*",
    "$JS.API.CONSUMER.MSG.NEXT.3QPR_DEAD_LETTERS.*",
    "$JS.API.STREAM.MSG.GET.3QPR_DEAD_LETTERS",
    "$JS.API.STREAM.MSG.DELETE.3QPR_DEAD_LETTERS"
  ],
  "detecting an older log": ["$JS.API.STREAM.INFO.3QPR_EVENTS"],
  redrives: [
    ...consuming("3QPR_REDRIVES", name),
    "$JS.API.STREAM.MSG.GET.3QPR_EVENTS",
    "3qpr.operations.>"
  ]
})

/**
 * The subjects to which a member of an ordered group publishes. The last one is needed only for the very first
 * group.
 */
export const groupPermissions = [
  ...reading("3QPR_EVENTS"),
  ...reading("KV_3QPR_GROUPS"),
  "$KV.3QPR_GROUPS.>",
  "$JS.API.STREAM.INFO.KV_3QPR_GROUPS",
  "$JS.API.STREAM.PURGE.KV_3QPR_GROUPS",
  "$JS.API.STREAM.INFO.3QPR_EVENTS",
  "$JS.API.STREAM.CREATE.KV_3QPR_GROUPS"
]

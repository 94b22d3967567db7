import { Option, Schema } from "effect"

/** Describes a response for people: a response of the ingress in a word, any other unchanged. */
export const outcomeOf = (answer: string) =>
  Option.match(decode(answer), {
    onNone: () => answer.replaceAll(/\p{Cc}+/gu, " "),
    onSome: (answer) => {
      if ("error" in answer) return answer.error
      if (answer.erased === true) return "erased before: not stored again"
      const stored = answer.duplicate ? "duplicate: stored before" : "stored"
      return answer.quarantined === undefined ? stored : `${stored}, quarantined: ${answer.quarantined}`
    }
  })

const Answer = Schema.Union([
  Schema.Struct({ error: Schema.String }),
  Schema.Struct({
    duplicate: Schema.Boolean,
    quarantined: Schema.optional(Schema.String),
    erased: Schema.optional(Schema.Boolean)
  })
])

const decode = Schema.decodeOption(Schema.fromJsonString(Answer))

import { Option, Schema } from "effect"

/** What an answer says, for people: in a word when it is one of our ingress' answers, else as it came. */
export const outcomeOf = (answer: string) =>
  Option.match(decode(answer), {
    onNone: () => answer.replaceAll(/\p{Cc}+/gu, " "),
    onSome: (answer) => {
      if ("error" in answer) return answer.error
      const stored = answer.duplicate ? "duplicate: stored before" : "stored"
      return answer.quarantined === undefined ? stored : `${stored}, quarantined: ${answer.quarantined}`
    }
  })

const Answer = Schema.Union([
  Schema.Struct({ error: Schema.String }),
  Schema.Struct({ duplicate: Schema.Boolean, quarantined: Schema.optional(Schema.String) })
])

const decode = Schema.decodeOption(Schema.fromJsonString(Answer))

import { DateTime, Duration, Effect, Schema, SchemaGetter } from "effect"
import { durationExamples, millisOf } from "./Duration.ts"
import { isTimestamp } from "./Timestamp.ts"

const examples =
  `a date (2026-03-20), a date and time (2026-03-20T15:30:00Z), or how long ago, ${durationExamples}`

const isDate = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && isTimestamp(`${text}T00:00:00Z`)

const Text = Schema.String.check(
  Schema.makeFilter((text) => isTimestamp(text) || isDate(text) || millisOf(text) !== undefined, {
    expected: examples,
    // No pattern of JSON Schema can express which days exist.
    toJsonSchema: () => [{}, true]
  })
)

/**
 * A point in time of a parameter or a flag: a timestamp, a date in UTC, or a duration before now. Decoding converts
 * it to a timestamp.
 */
export const PointInTime = Text.pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transformEffect(Effect.fnUntraced(function*(text: string) {
      if (isDate(text)) return `${text}T00:00:00Z`
      const ago = millisOf(text)
      return ago === undefined
        ? text
        : DateTime.formatIso(DateTime.subtractDuration(yield* DateTime.now, Duration.millis(ago)))
    })),
    encode: SchemaGetter.passthrough()
  })
)

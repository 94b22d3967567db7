import { Schema } from "effect"
import { Flag } from "effect/cli"
import { EventType } from "../../Domain/Event.ts"

/** Selects events of one type. */
export const typeFlag = Flag.String("type").pipe(
  Flag.withDescription("Events of this type only, such as scan.created"),
  Flag.withSchema(EventType),
  Flag.optional
)

/** Whether to include the signed body and the signature. */
export const bodiesFlag = Flag.Boolean("bodies").pipe(
  Flag.withDescription("With --json: the signed bytes (base64) and the signature too"),
  Flag.withDefault(false)
)

/** A number of events, from 1 to 1,000. */
export const limitFlag = (name: string, fallback: number, about: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(`${about} (default ${fallback})`),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
    Flag.withDefault(fallback)
  )

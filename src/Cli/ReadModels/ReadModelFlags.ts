import { Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { timeFlag } from "../Time.ts"

/** A flag that selects rows by the field of the same name. */
export const filterFlag = (name: string, about: string) =>
  Flag.String(name).pipe(Flag.withDescription(about), Flag.optional)

/** Maximum number of rows of a list. */
export const limitFlag = Flag.Int("limit").pipe(
  Flag.withDescription("Maximum number of rows, 1 to 200 (default 20)"),
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))),
  Flag.withDefault(20)
)

/** The flags of every list of rows. */
export const pageFlags = {
  qprCode: filterFlag("qpr-code", "Rows of the QR code with this id, short id or name"),
  since: timeFlag("since", "Rows at this time or later"),
  until: timeFlag("until", "Rows before this time"),
  metadata: Flag.KeyValuePair("metadata").pipe(
    Flag.withDescription("Rows with this metadata, such as campaign=spring"),
    Flag.optional
  ),
  limit: limitFlag,
  cursor: Flag.String("cursor").pipe(
    Flag.withDescription("Show the next page; the previous page ends with its cursor"),
    Flag.optional
  )
}

type Text = Option.Option<string>

/** The query of the request. */
export const queryOf = (
  { cursor, limit, metadata, qprCode, since, until }: {
    readonly qprCode: Text
    readonly since: Text
    readonly until: Text
    readonly metadata: Option.Option<Record<string, string>>
    readonly limit: number
    readonly cursor: Text
  }
) => ({
  ...Object.fromEntries(
    Object.entries(Option.getOrElse(metadata, () => ({}))).map(([key, value]) =>
      [`metadata.${key}`, value] as const
    )
  ),
  limit,
  qpr_code_id: Option.getOrUndefined(qprCode),
  since: Option.getOrUndefined(since),
  until: Option.getOrUndefined(until),
  cursor: Option.getOrUndefined(cursor)
})

import { Option, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import { ConsumerName } from "../../Domain/ConsumerName.ts"
import { typeFlag } from "../Events/EventFlags.ts"
import { timeFlag } from "../Time.ts"

/** The ids of dead letters. */
export const idsArgument = Argument.String("id").pipe(
  Argument.withDescription("Ids of dead letters: consumer and sequence, such as scans-1:1234"),
  Argument.variadic({ min: 0, max: 1_000 })
)

/** The flags that select dead letters. */
export const filterFlags = {
  consumer: Flag.String("consumer").pipe(
    Flag.withDescription("Dead letters of this consumer only, such as scans-1"),
    Flag.withSchema(ConsumerName),
    Flag.optional
  ),
  type: typeFlag,
  error: Flag.String("error").pipe(
    Flag.withDescription("Dead letters with this text in their error"),
    Flag.withSchema(Schema.NonEmptyString),
    Flag.optional
  ),
  since: timeFlag("since", "Dead letters that failed at this time or later"),
  until: timeFlag("until", "Dead letters that failed before this time")
}

export type FilterFlags = Readonly<Record<keyof typeof filterFlags, Option.Option<string>>>

/** The filter of the API for these flags. */
export const filterOf = ({ consumer, error, since, type, until }: FilterFlags) => ({
  consumer: Option.getOrUndefined(consumer),
  type: Option.getOrUndefined(type),
  error: Option.getOrUndefined(error),
  since: Option.getOrUndefined(since),
  until: Option.getOrUndefined(until)
})

/** Whether at least one of the flags was given. */
export const isFiltered = ({ consumer, error, since, type, until }: FilterFlags) =>
  [consumer, error, since, type, until].some(Option.isSome)

/** The selection of the request: all, ids or a filter. */
export const selectionOf = (
  all: boolean,
  ids: ReadonlyArray<string>,
  filter: ReturnType<typeof filterOf>
) => all ? { all: true as const } : ids.length > 0 ? { ids } : { filter }

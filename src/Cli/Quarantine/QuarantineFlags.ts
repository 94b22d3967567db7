import { Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import { QuarantineReason } from "../../Domain/QuarantineReason.ts"

/** A sequence of the log. */
export const Sequence = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
)

/** Selects entries that were quarantined for one reason. */
export const reasonFlag = Flag.Literals("reason", QuarantineReason.literals).pipe(
  Flag.withDescription("Entries that were quarantined for this reason only"),
  Flag.optional
)

/** The sequences of quarantined entries. */
export const sequencesArgument = Argument.Int("sequence").pipe(
  Argument.withDescription("Sequences of quarantined entries"),
  Argument.withSchema(Sequence),
  Argument.variadic({ min: 0, max: 1_000 })
)

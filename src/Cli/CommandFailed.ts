import { Schema } from "effect"

/** A command has failed. It exits with 1, and the message is its last line on standard error. */
export class CommandFailed
  extends Schema.TaggedError<CommandFailed>()("CommandFailed", { message: Schema.String })
{}

import { Effect, Option, Redacted } from "effect"
import { Flag } from "effect/cli"
import { CommandFailed } from "./CommandFailed.ts"
import { bytesOf } from "./Input.ts"
import { wrongUsage } from "./Usage.ts"

/** The flags of a command that signs or verifies: a secret, or the file that holds it. */
export const secretFlags = (about: string) => ({
  secret: Flag.Redacted("secret").pipe(
    Flag.withDescription(`${about}. Other users can see it in the process list; prefer --secret-file`),
    Flag.optional
  ),
  secretFile: Flag.String("secret-file").pipe(
    Flag.withDescription("File with this secret (- is standard input)"),
    Flag.withMetavar("file"),
    Flag.optional
  )
})

interface Given {
  readonly secret: Option.Option<Redacted.Redacted<string>>
  readonly secretFile: Option.Option<string>
}

/** Whether a flag gives a secret. */
export const hasSecret = ({ secret, secretFile }: Given) => Option.isSome(secret) || Option.isSome(secretFile)

/** The secret that the flags give, if any. */
export const secretOf = Effect.fnUntraced(function*(command: string, { secret, secretFile }: Given) {
  if (Option.isNone(secretFile)) return secret
  if (Option.isSome(secret)) return yield* wrongUsage([command], "Give --secret or --secret-file, not both.")
  const text = (yield* bytesOf("secret-file", secretFile.value)).toString("utf8").trim()
  if (text === "" || /\p{Cc}/u.test(text)) {
    return yield* new CommandFailed({
      message: `--secret-file ${secretFile.value} must contain one secret on one line.`
    })
  }
  return Option.some(Redacted.make(text, { label: "webhook secret" }))
})

import { Clock, Console, Effect } from "effect"
import { TerminalCapabilities } from "effect/cli"
import process from "node:process"
import { fit } from "./Output.ts"
import { writeMessage } from "./StandardStreams.ts"

/** Time between two lines when the output is not a terminal, in milliseconds. */
const plainEvery = 10_000

/**
 * Shows progress on standard error. On a terminal one line is updated. Elsewhere, or with NO_COLOR, a line is printed
 * every ten seconds.
 */
export const liveLine = Effect.gen(function*() {
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const alive = process.stderr.isTTY === true && canColor
  const write = (text: string) => Effect.sync(() => writeMessage(text))
  const clear = alive ? write("\r\u001b[2K") : Effect.void
  let shownAt = yield* Clock.currentTimeMillis
  return {
    clear,
    /** Prints a permanent message instead of the progress line. */
    say: (text: string) => Effect.andThen(clear, Console.error(text)),
    show: Effect.fnUntraced(function*(text: string) {
      if (alive) return yield* write(`\r\u001b[2K${fit(text, process.stderr.columns)}`)
      const now = yield* Clock.currentTimeMillis
      if (now - shownAt < plainEvery) return
      shownAt = now
      yield* Console.error(text)
    })
  }
})

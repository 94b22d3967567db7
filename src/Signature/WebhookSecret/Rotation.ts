import { Clock, Effect, Redacted, Result } from "effect"
import { isActive, type Secret } from "../../Domain/Secret.ts"
import { signatures } from "../../Process/Metrics.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import * as Signature from "../Signature.ts"
import { read, type WebhookSecret } from "../WebhookSecret.ts"

/**
 * Polling interval of the file with the secrets. Polling also detects renames, replaced links and changes on network
 * file systems.
 */
const every = "1 second"

/**
 * Keeps the secrets current until the scope closes: it polls their file, and each secret expires at its time. A
 * changed file is used after two equal reads, so not while it is being written. A file that cannot be used changes
 * nothing and is reported.
 */
export const rotate = Effect.fnUntraced(function*({ file, origin, secrets }: WebhookSecret) {
  const clock = yield* Clock.Clock
  const health = yield* ProcessHealth
  let all: ReadonlyArray<Secret> = secrets
  let verify: Signature.Verifier
  let ends = Infinity

  const take = () => {
    const now = clock.currentTimeMillisUnsafe()
    const active = all.flatMap((secret, index) =>
      isActive(secret, now) ? [{ ...secret, number: index + 1 }] : []
    )
    ends = Math.min(...active.map(({ until = Infinity }) => until))
    const matches = active.map(({ number }) => signatures(number))
    verify = Signature.verifier(active.map(({ value }) => value), (index) => matches[index]?.())
    return active.length
  }
  take()

  yield* health.watch(
    "webhook secret",
    Effect.map(
      Clock.currentTimeMillis,
      (now) =>
        all.some((secret) => isActive(secret, now))
          ? undefined
          : `every secret of ${file ?? origin} has expired`
    )
  )
  if (file !== undefined) {
    yield* health.run(
      "webhook secret",
      follow(file, keyOf(secrets), (secrets) => {
        all = secrets
        return take()
      })
    )
  }
  return {
    verify: ((body, signature) => {
      if (clock.currentTimeMillisUnsafe() >= ends) take()
      return verify(body, signature)
    }) satisfies Signature.Verifier,
    /** All current secrets, including those that have expired. */
    secrets: () => all
  }
})

/** Polls the file without an end. `take` receives new content, and returns the number of active secrets. */
const follow = Effect.fnUntraced(
  function*(file: string, known: string, take: (secrets: ReadonlyArray<Secret>) => number) {
    let last = known
    let settled = known
    while (true) {
      yield* Effect.sleep(every)
      const reading = yield* Effect.result(read(file))
      const key = Result.isSuccess(reading) ? keyOf(reading.success) : reading.failure.reason
      const twice = key === last
      last = key
      if (!twice || key === settled) continue
      settled = key
      if (Result.isFailure(reading)) {
        yield* Effect.logWarning(`webhook secret: ${key}. The secrets that were read before stay in use`)
        continue
      }
      const active = take(reading.success)
      yield* Effect.logInfo(
        `webhook secret: ${file} was read again. ${active} of ${reading.success.length} secrets are active`
      )
    }
  }
)

const keyOf = (secrets: ReadonlyArray<Secret>) =>
  secrets.map(({ until, value }) => `${Redacted.value(value)};${until}`).join("\n")

import { Context, Effect, Layer, Schema } from "effect"
import { externalTarget } from "../../EventLog/External.ts"
import { Nats } from "../../Nats/Nats.ts"
import { readConnection } from "../../Nats/Server/Connection.ts"
import type { Config } from "../../Process/Config.ts"
import { messageOf } from "../../Process/Failure.ts"
import { failed, failedWith, ok } from "./Finding.ts"
import type { Subject } from "./Subject.ts"
import { within } from "./Within.ts"

/** No broker can be reached. */
export class NoBroker extends Schema.TaggedError<NoBroker>()("NoBroker", { message: Schema.String }) {}

/** Connects once to the configured broker, or to the embedded one that runs in the data folder. */
export const connect = Effect.fnUntraced(function*(config: Config) {
  const target = config.natsUrl === undefined
    ? yield* embedded(config.dataDir)
    : externalTarget(config, config.natsUrl)
  const context = yield* within(
    Layer.build(Nats.layer({ ...target, attempts: 1 })),
    longest,
    () =>
      Effect.fail(
        new NoBroker({
          message: "The broker does not answer within 4 seconds. Check NATS_URL and the network to it."
        })
      )
  )
  return Context.get(context, Nats)
})

/** Time limit of the connection, in milliseconds. */
const longest = 4_000

/** Checks that a broker is reachable, and that its version is recent enough. */
export const broker = ({ config, nats }: Subject) =>
  Effect.match(nats, {
    onFailure: failedWith,
    onSuccess: ({ connection, serverVersion }) => {
      const kind = config.natsUrl === undefined ? "embedded" : "external"
      const seen = `${kind}, nats-server ${serverVersion()} at ${connection.getServer()}`
      return isRecent(serverVersion())
        ? ok(seen)
        : failed(
          seen,
          `nats-server ${oldest.join(".")} or later is required. Versions from 2.10 also survive a power cut.`
        )
    }
  })

const embedded = Effect.fnUntraced(function*(dataDir: string) {
  const { token, url } = yield* readConnection(dataDir).pipe(
    Effect.mapError((error) =>
      new NoBroker({
        message: `${messageOf(error).split(/(?<=\.) Start/, 1)[0]} Start \`threeqpr serve\`. Or set the data `
          + "folder of a running broker with --data-dir, or use another broker with NATS_URL."
      })
    )
  )
  return { servers: [url], token }
})

const oldest = [2, 9] as const

const isRecent = (version: string) => {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10))
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

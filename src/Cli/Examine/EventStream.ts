import { Duration, Effect, Schema } from "effect"
import type { StreamInfo } from "nats"
import { bytes } from "../../Domain/Bytes.ts"
import { stream } from "../../EventLog/Names.ts"
import { faultsOf, operatedFlaw } from "../../EventLog/Topology.ts"
import { codeOf, JetStreamCode } from "../../Nats/JetStreamCode.ts"
import { explain } from "../../Nats/JetStreamFault.ts"
import type { Nats } from "../../Nats/Nats.ts"
import type { Config } from "../../Process/Config.ts"
import { messageOf } from "../../Process/Failure.ts"
import { failed, failedWith, type Finding, ok, warning } from "./Finding.ts"
import type { Log } from "./Subject.ts"

/** The event stream cannot be read. */
export class NoStream extends Schema.TaggedError<NoStream>()("NoStream", { message: Schema.String }) {}

/** The event stream of the connected broker. */
export const logOf = (nats: Nats["Service"]) =>
  Effect.tryPromise({
    try: async (): Promise<Log> => {
      const manager = await nats.connection.jetstreamManager({ checkAPI: false, timeout: 2_000 })
      return { nats, manager, info: await manager.streams.info(stream) }
    },
    catch: (error) =>
      new NoStream({
        message: codeOf(error) === JetStreamCode.streamNotFound
          ? `There is no stream ${stream} on the broker. Start \`threeqpr serve\`, which creates it.`
          : `The stream ${stream} cannot be read: ${
            messageOf(explain(error, nats.connection.info?.jetstream === true))
          }. JetStream must be enabled on the broker, `
            + "and the credentials must allow its API."
      })
  })

/**
 * Checks that the event stream and the related streams keep their promises, and reports the settings of the event
 * stream.
 */
export const eventStream = (config: Config, log: Log) =>
  faultsOf(log.info).length > 0
    // The event stream's own faults are the first to repair.
    ? Effect.succeed(settingsOf(config, log))
    : Effect.match(Effect.tryPromise(() => operatedFlaw(log.manager)), {
      // The credentials may not allow to read the related streams. `serve` reports the reason when it starts.
      onFailure: () => settingsOf(config, log),
      onSuccess: (flaw) => flaw === undefined ? settingsOf(config, log) : failedWith(new Error(flaw))
    })

const settingsOf = (config: Config, { info }: Log): Finding => {
  const faults = faultsOf(info)
  const seen = describe(info)
  if (faults.length > 0) {
    return failed(
      `${seen}; ${faults.join("; ")}`,
      `Change it (\`nats stream edit ${stream}\`), or delete it if another program created it. \`serve\` refuses it in this state.`
    )
  }
  const concerns = concernsOf(config, info)
  return concerns.length > 0
    ? warning(
      `${seen}; ${concerns.join("; ")}`,
      `Change it with \`nats stream edit ${stream}\`, or change the settings.`
    )
    : ok(seen)
}

const describe = ({ config, state }: StreamInfo) =>
  [
    `${stream}: ${state.messages} ${state.messages === 1 ? "event" : "events"}`,
    bytes(state.bytes),
    `duplicate window ${duration(config.duplicate_window)}`,
    config.max_age === 0 ? "kept without limit" : `kept for ${duration(config.max_age)}`,
    `${config.num_replicas} ${config.num_replicas === 1 ? "replica" : "replicas"}`
  ].join(", ")

const concernsOf = ({ dedupWindow, replicas, retention }: Config, { cluster, config, state }: StreamInfo) =>
  [
    config.duplicate_window / 1e6 !== dedupWindow
    && `DEDUP_WINDOW is ${Duration.format(Duration.millis(dedupWindow))}`,
    config.max_age / 1e6 !== (retention.millis ?? 0)
    && `RETENTION is ${
      retention.millis === undefined ? "unlimited" : Duration.format(Duration.millis(retention.millis))
    }`,
    config.num_replicas !== replicas && `STREAM_REPLICAS is ${replicas}`,
    ...(cluster?.replicas ?? []).map(({ current, name, offline }) =>
      (offline || !current) && `its replica on ${name} is ${offline ? "offline" : "behind"}`
    ),
    isNearly(state.bytes, config.max_bytes) && "it is nearly full: more than nine tenths of its max_bytes",
    isNearly(state.messages, config.max_msgs) && "it is nearly full: more than nine tenths of its max_msgs"
  ].filter((concern) => typeof concern === "string")

const isNearly = (used: number, limit: number) => limit > 0 && used > 0.9 * limit

const duration = (nanos: number) => Duration.format(Duration.millis(nanos / 1e6))

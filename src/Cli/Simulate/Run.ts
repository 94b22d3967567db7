import { Console, Effect, Exit, Fiber, Layer, Option, Random } from "effect"
import type { Command } from "effect/cli"
import process from "node:process"
import { localWebhook } from "../../Domain/WebhookPath.ts"
import { load } from "../../Process/Config.ts"
import * as Simulator from "../../Provider/Simulator.ts"
import { faultNames, isFaultName } from "../../Provider/Simulator/Faults.ts"
import * as WebhookSecret from "../../Signature/WebhookSecret.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { adminClient, given } from "../Flags.ts"
import { printJson } from "../Output.ts"
import { hasSecret, secretOf } from "../SecretFlag.ts"
import { wrongUsage } from "../Usage.ts"
import { showComparison, wrongIn } from "./Differences.ts"
import * as Progress from "./Progress.ts"
import { serveApi } from "./Provider.ts"
import { showReport } from "./Result.ts"
import type { flags } from "./SimulateFlags.ts"

/** Runs a simulation and prints what happened to each event. */
export const simulate = Effect.fnUntraced(function*(
  { apiPort, dataDir, secret, secretFile, url, ...options }: Command.Command.Config.Infer<typeof flags>
) {
  if (Option.isSome(apiPort) && (Option.isSome(url) || hasSecret({ secret, secretFile }))) {
    return yield* wrongUsage(
      ["simulate"],
      "--api-port delivers to the webhooks that are registered with it, each with its own secret. It cannot be "
        + "combined with --url, --secret or --secret-file."
    )
  }
  const config = yield* load(given({ dataDir }))
  const own = yield* secretOf("simulate", { secret, secretFile })
  const destination: Simulator.Destination = Option.isSome(apiPort)
    ? { account: yield* serveApi(apiPort.value, config.apiKey) }
    : {
      url: Option.getOrElse(url, () => localWebhook(config.port)),
      secret: Option.isSome(own)
        ? own.value
        : yield* WebhookSecret.signing(yield* WebhookSecret.find(config))
    }
  const seed = Option.isSome(options.seed)
    ? options.seed.value
    : String(yield* Random.nextIntBetween(0, 999_999_999))
  const faults = Option.match(options.faults, {
    onNone: () => [],
    onSome: (text) => text === "all" ? faultNames : text.split(",").filter(isFaultName)
  })
  yield* run({
    options: {
      ...destination,
      seed,
      faults,
      rate: options.rate,
      speed: options.speed,
      count: Option.getOrUndefined(options.count)
    },
    asJson: options.json,
    admin: options.verify ? Option.some(adminClient(options.adminUrl)) : Option.none()
  })
}, Effect.scoped)

interface Run {
  readonly options: Simulator.Options & { readonly seed: string }
  readonly asJson: boolean
  /** The private listener that reports what is stored; absent without `--verify`. */
  readonly admin: Option.Option<ReturnType<typeof adminClient>>
}

const run = Effect.fnUntraced(function*({ admin, asJson, options }: Run) {
  const client = Option.isSome(admin) ? yield* Layer.build(admin.value) : undefined
  // A receiver that registers with the simulator need not run yet. Its whole log is compared then.
  const from = client && options.url !== undefined
    ? yield* Simulator.position.pipe(Effect.provideContext(client))
    : undefined
  const simulation = yield* Simulator.start(options)
  const to = options.url ?? options.account.webhooks().map(({ url }) => url).join(", ")
  yield* Console.error(
    `${options.rate} events a second to ${to}; --seed ${options.seed} repeats this run`
  )
  const progress = yield* Effect.forkScoped(Progress.show(simulation, to))
  const verification = client && Effect.gen(function*() {
    return yield* Simulator.verify(simulation, from ?? { ...(yield* Simulator.position), sequence: 0 })
  }).pipe(Effect.provideContext(client))
  yield* Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const ending = yield* Effect.exit(restore(simulation.finished))
    yield* simulation.stop
    yield* Fiber.interrupt(progress)
    if (Exit.isSuccess(ending)) return yield* conclude(simulation, { asJson, verification, ended: true })
    if (!Exit.hasInterrupts(ending)) return yield* ending
    // Ctrl-C is the usual end of an endless run, so the results are still shown. The interruption would hide an
    // error, so it is printed here.
    process.exitCode = 0
    yield* conclude(simulation, { asJson, verification, ended: false }).pipe(
      Effect.catch(({ message }) =>
        Effect.andThen(Effect.sync(() => void (process.exitCode = 1)), Console.error(`threeqpr: ${message}`))
      )
    )
  }))
}, Effect.scoped)

const conclude = Effect.fnUntraced(function*(
  simulation: Simulator.Simulation,
  { asJson, ended, verification }: {
    readonly asJson: boolean
    /** Whether the run ended without an interruption. */
    readonly ended: boolean
    readonly verification:
      | Effect.Effect<Simulator.Comparison, Simulator.VerificationFailed>
      | undefined
  }
) {
  const report = yield* simulation.report
  if (!asJson) yield* showReport(report)
  if (verification !== undefined) yield* Console.error("comparing stored and projected events…")
  // In a separate fiber, the timeouts of the verification also work after Ctrl-C.
  const comparison = verification && (yield* Effect.flatMap(Effect.forkDetach(verification), Fiber.join))
  const wrong = [
    ...(ended ? report.wrong : report.violations),
    ...(comparison === undefined ? [] : wrongIn(comparison))
  ]
  if (asJson) {
    yield* printJson({ ...report, clean: wrong.length === 0, wrong, verification: comparison ?? null })
  } else if (comparison !== undefined) yield* showComparison(comparison)
  if (wrong.length > 0) return yield* new CommandFailed({ message: `Not clean: ${wrong.join("; ")}.` })
})

import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Fiber, Layer, References } from "effect"
import { FetchHttpClient } from "effect/http"
import { roles } from "../../Domain/Role.ts"
import { type Flags, load, variables } from "../../Process/Config.ts"
import { nearestOf } from "../../Process/Nearest.ts"
import { checkOptions, OptionsInvalid, shown } from "../../Process/Options.ts"
import * as Logs from "../../Process/Telemetry/Logs.ts"
import type { ServeOptions, Serving } from "./Serving.ts"
import { type Addresses, run } from "./Start.ts"

const services = Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer, Logs.layer)

/** Checks the options, starts `serve`, and resolves when it is ready. */
export const launch = async (options: ServeOptions): Promise<Serving> => {
  checkOptions("serve", options, rules)
  const { projections = [], settings = {} } = options
  const flags = flagsOf(settings)
  const ready = Promise.withResolvers<Addresses>()
  const fiber = Effect.runFork(
    Effect.gen(function*() {
      const config = yield* load(flags)
      if (config.projections !== undefined && projections.length > 0) {
        const file = shown(config.projections)
        return yield* Effect.fail(
          new OptionsInvalid(
            `PROJECTIONS is ${file}, and serve has the option projections too. Unset one of them.`
          )
        )
      }
      return yield* run(config, new Set(options.roles ?? roles), projections, ready.resolve).pipe(
        Effect.provideService(References.MinimumLogLevel, config.logLevel)
      )
    }).pipe(Effect.provide(services))
  )
  const exited = Effect.runPromise(Fiber.await(fiber)).then((exit) => {
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) throw Cause.squash(exit.cause)
  })
  const addresses = await Promise.race([ready.promise, exited])
  if (addresses === undefined) throw new Error("serve was interrupted before it was ready.")
  const stop = () => Effect.runPromise(Fiber.interrupt(fiber))
  return {
    publicUrl: addresses.public,
    privateUrl: addresses.private,
    stop,
    // A promise of its own: the race above handles a rejection of `exited`, which would hide it.
    ended: exited.then(() => undefined),
    [Symbol.asyncDispose]: stop
  }
}

const isRole = (value: unknown) => roles.some((role) => role === value)

const rules = {
  settings: {
    allowed: "an object of settings by their names, such as { PORT: 3000 }",
    allows: (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value),
    secret: true
  },
  roles: {
    allowed: `a list of ${roles.join(", ")}, at least one`,
    allows: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isRole)
  },
  projections: {
    allowed: "a list of read models, as `projection` returns them",
    allows: Array.isArray
  }
}

/** The settings as text. Throws an error that lists unknown names and values of another type, never a value. */
const flagsOf = (settings: Required<ServeOptions>["settings"] & object): Flags => {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  const faults = given.flatMap(([name, value]) => {
    if (!variables.includes(name)) {
      const nearest = nearestOf(name, variables)
      return [
        `serve: settings has ${name}, which does not exist. ${
          nearest === undefined
            ? "Settings have the names of environment variables"
            : `Did you mean ${nearest}?`
        }`
      ]
    }
    return ["string", "number", "boolean"].includes(typeof value)
      ? []
      : [
        `serve: the setting ${name} is of another type (${typeof value}); allowed is a text, a number or a boolean.`
      ]
  })
  if (faults.length > 0) throw new OptionsInvalid(faults.join("\n"))
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

import { Console, Effect, Option, Redacted, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { EventType, knownTypes } from "../Domain/Event.ts"
import { webhookPath } from "../Domain/WebhookPath.ts"
import { isLoopback, load } from "../Process/Config.ts"
import { type Registration, ThreeQpr } from "../Provider/ThreeQpr.ts"
import { CommandFailed } from "./CommandFailed.ts"
import { jsonFlag } from "./Flags.ts"
import { printJson } from "./Output.ts"
import * as EnvFile from "./Register/EnvFile.ts"

const variable = "THREEQPR_WEBHOOK_SECRET"

/** `threeqpr register`: registers a webhook with 3QPR, and prints its secret or stores it in a file. */
export const register = Command.make(
  "register",
  {
    url: Flag.String("url").pipe(
      Flag.withDescription("Address to which 3QPR delivers: a public https:// address")
    ),
    events: Flag.String("events").pipe(
      Flag.withDescription("Event types, separated by commas; repeatable (default: all known types)"),
      Flag.withSchema(Schema.String.check(
        Schema.makeFilter((list) => listOf(list).length > 0 && listOf(list).every((type) => isType(type)), {
          expected: "event types separated by commas, such as scan.created"
        })
      )),
      Flag.atLeast(0)
    ),
    // `--env-file` is only an alias. Node interprets that flag itself, even in this position, and exits when the file
    // does not exist yet.
    writeEnv: Flag.String("write-env").pipe(
      Flag.withAlias("env-file"),
      Flag.withDescription(`Store the secret in this file as ${variable}, and do not show it`),
      Flag.withSchema(Schema.NonEmptyString),
      Flag.optional
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ events, json, url, writeEnv }) {
    const { apiKey, apiUrl } = yield* load()
    yield* checkUrl(url, apiUrl)
    if (apiKey === undefined) return yield* keyMissing
    const wanted = [...new Set(events.length > 0 ? events.flatMap(listOf) : knownTypes)]
    yield* warn(url, wanted)
    const file = Option.getOrUndefined(writeEnv)
    // Check the file before the webhook exists, because 3QPR shows its secret only once.
    const kept = file === undefined ? undefined : yield* EnvFile.open(file, variable)
    const api = ThreeQpr.layer({ url: apiUrl, key: apiKey })
    const call = Effect.flatMap(ThreeQpr, (api) => api.register({ url, events: wanted }))
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        restore(Effect.provide(call, api)),
        (registration) =>
          file === undefined || kept === undefined
            ? showSecret(registration, json)
            : keepSecret(registration, file, kept, json)
      )
    )
  }, Effect.scoped)
).pipe(
  Command.withDescription("Register a webhook with 3QPR. Requires THREEQPR_API_KEY"),
  Command.withExamples([
    {
      command: "threeqpr register --url https://hooks.example.com/webhooks/3qpr",
      description: "For all events; shows the secret once"
    },
    {
      command: "threeqpr register --url https://hooks.example.com/webhooks/3qpr --write-env .env",
      description: "Stores the secret in .env instead"
    },
    {
      command: "threeqpr register --url https://hooks.example.com/webhooks/3qpr --events scan.created",
      description: "For scans only"
    }
  ])
)

const listOf = (list: string) => list.split(",").map((type) => type.trim()).filter((type) => type !== "")

const isType = Schema.is(EventType)

/** 3QPR calls public HTTPS addresses only. A simulated 3QPR may call the machine on which both run. */
const checkUrl = Effect.fnUntraced(function*(url: string, apiUrl: string) {
  const { hostname = "", protocol } = URL.parse(url) ?? {}
  const simulated = isLoopback(URL.parse(apiUrl)?.hostname ?? "")
  const local = isLoopback(hostname)
  if (protocol === "https:" && (simulated || !local)) return
  if (protocol === "http:" && local && simulated) return
  return yield* new CliError.ShowHelp({
    commandPath: ["threeqpr", "register"],
    errors: [new CliError.InvalidValue({ option: "url", value: url, expected, kind: "flag" })]
  })
})

const expected = `a public https:// address,
  because 3QPR accepts no other. For development, use a tunnel such as
  \`ngrok http 3000\`. smee.io also forwards webhooks, but rewrites the JSON, which breaks
  the signature unless it was compact. (http://localhost needs a simulated 3QPR,
  with THREEQPR_API_URL on this machine.)`

const keyMissing = new CommandFailed({
  message:
    "THREEQPR_API_KEY is not set. Create an API key in 3QPR's dashboard (3qpr_sk_live_…), and set it in the "
    + "environment."
})

const warn = Effect.fnUntraced(function*(url: string, events: ReadonlyArray<string>) {
  const unknown = events.filter((type) => !knownTypes.some((known) => known === type))
  if (unknown.length > 0) {
    yield* Console.error(
      `Unknown event types: ${unknown.join(", ")}. Known types:\n  ${knownTypes.join("\n  ")}`
    )
  }
  if (URL.parse(url)?.pathname === "/") {
    yield* Console.error(`The address has no path. \`threeqpr serve\` receives webhooks at ${webhookPath}.`)
  }
})

const showSecret = Effect.fnUntraced(function*(registration: Registration, json: boolean) {
  yield* show(registration, json, { secret: Redacted.value(registration.secret) })
  yield* Console.error(
    `3QPR shows this secret only once. Store it, and start \`threeqpr serve\` with\n${variable} set to it.`
  )
})

const keepSecret = Effect.fnUntraced(
  function*(registration: Registration, file: string, kept: EnvFile.EnvFile, json: boolean) {
    yield* Effect.catch(kept.set(Redacted.value(registration.secret)), ({ message }) =>
      Effect.andThen(
        show(registration, json, { secret: Redacted.value(registration.secret) }),
        new CommandFailed({
          message: `${message} The webhook is registered. Store its secret, which is shown here and will `
            + "not be shown again."
        })
      ))
    yield* show(registration, json, { env_file: file })
    yield* Console.error(
      `${kept.isSet ? "Replaced" : "Wrote"} ${variable} in ${file}. Start \`threeqpr serve\` with it.`
    )
    if (kept.isSet) {
      yield* Console.error("An older secret in this file was replaced.")
    }
    if (kept.readableByOthers) {
      yield* Console.error(`Other users of this machine can read ${file}. Run \`chmod 600 ${file}\`.`)
    }
  }
)

const show = Effect.fnUntraced(function*(
  { active, createdAt, events, id, url }: Registration,
  json: boolean,
  place: { readonly secret: string } | { readonly env_file: string }
) {
  if (json) return yield* printJson({ id, url, events, active, created_at: createdAt, ...place })
  yield* Console.log(`id      ${id}`)
  yield* Console.log(`url     ${url}`)
  yield* Console.log(`events  ${events.join("\n        ")}`)
  if ("secret" in place) yield* Console.log(`secret  ${place.secret}`)
  if (active === false) yield* Console.error("3QPR says that the webhook is not active yet.")
})

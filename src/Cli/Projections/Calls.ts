import { Effect, type Option, Schema } from "effect"
import { Argument } from "effect/cli"
import type { RebuildAnswer } from "../../Admin/Api/Projections.ts"
import { AdminClient, type AdminUnreachable, explained } from "../../Admin/Client.ts"
import { by } from "../By.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { adminClient } from "../Flags.ts"

/** The name of a projection. */
export const nameArgument = Argument.String("name").pipe(
  Argument.withDescription("A projection from `threeqpr projections list`"),
  Argument.withSchema(
    Schema.String.check(
      Schema.isPattern(/^[a-z][a-z0-9_]*$/, { expected: "the name of a projection, such as scans" })
    )
  )
)

type Kind = RebuildAnswer["kind"]
type Call<A> = Effect.Effect<A, AdminUnreachable>

/** The calls of the private listener about projections. */
export const calls = Effect.fnUntraced(function*(adminUrl: Option.Option<string>) {
  const { projections } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
  const asked = <A, E>(call: Effect.Effect<A, E>): Call<A> => Effect.mapError(call, explained)
  const list = Effect.map(asked(projections.list()), ({ projections }) => projections)
  return {
    list,
    start: (name: string, kind: Kind, acceptNewLog = false) =>
      asked(projections.rebuild({
        params: { name },
        payload: {
          dry_run: kind === "dry-run",
          verify: kind === "verify",
          accept_new_log: acceptNewLog,
          by: by()
        }
      })),
    ledger: (name: string, query: { readonly after?: number; readonly up_to?: number }) =>
      asked(projections.ledger({ params: { name }, query })),
    get: (name: string, id: number) => asked(projections.get({ params: { name, id } })),
    remove: (name: string) => asked(projections.remove({ params: { name } })),
    cancel: (name: string, id: number) => asked(projections.cancel({ params: { name, id } })),
    /** The running rebuild of a projection. */
    going: Effect.fnUntraced(function*(name: string) {
      const found = (yield* list).find((projection) => projection.name === name)
      if (found?.rebuild) return found.rebuild
      return yield* new CommandFailed({
        message: found === undefined
          ? `There is no projection ${name}. \`threeqpr projections list\` shows them.`
          : `No rebuild of ${name} is running.`
      })
    })
  }
})
export type Calls = Effect.Success<ReturnType<typeof calls>>

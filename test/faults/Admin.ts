import { Effect, Layer, Schedule } from "effect"
import { FetchHttpClient } from "effect/http"
import { AdminClient } from "../../src/Admin/Client.ts"
import type { Part } from "../support/Faults/System.ts"
import type { Target } from "./Fault.ts"

/** Makes a request. A refusal or a missing answer is no fault of the system. */
export const asked = <A, E>(
  { admin }: Target,
  ask: (client: AdminClient["Service"]) => Effect.Effect<A, E>
): Effect.Effect<void> => Effect.ignore(Effect.provide(Effect.flatMap(AdminClient, ask), clientOf(admin)))

/** Repeats a request until it succeeds, for up to 90 retries. */
export const answered = <A, E>(
  { admin }: Target,
  ask: (client: AdminClient["Service"]) => Effect.Effect<A, E>
) =>
  Effect.flatMap(AdminClient, ask).pipe(
    Effect.provide(clientOf(admin)),
    Effect.retry({ schedule: Schedule.spaced("1 second"), times: 90 }),
    Effect.orDie
  )

const clientOf = ({ admin }: Part) =>
  AdminClient.layer({ url: admin }).pipe(Layer.provide(FetchHttpClient.layer))

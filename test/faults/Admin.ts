import { Effect, Layer, Schedule } from "effect"
import { FetchHttpClient } from "effect/http"
import { AdminClient } from "../../src/Admin/Client.ts"
import type { Part } from "../support/Faults/System.ts"
import type { Target } from "./Fault.ts"

/** Asks for something; that it is refused or not answered is no fault of the system. */
export const asked = <A, E>(
  { admin }: Target,
  ask: (client: AdminClient["Service"]) => Effect.Effect<A, E>
): Effect.Effect<void> => Effect.ignore(Effect.provide(Effect.flatMap(AdminClient, ask), clientOf(admin)))

/** Asks until it is answered. */
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

/**
 * Room `Jobs`: what operators start: redrive, discard, release, erase, reconcile.
 *
 * Promises: A job is recorded before it begins. It continues after a crash, and it ends.
 *
 * May use: `Domain`, `Process`, `Nats`, `Database`, `EventLog`, `Ingress`, `Consumer`, `Projector`, `Provider`.
 */
import { Layer } from "effect"
import * as EraseAgain from "./Erasure/EraseAgain.ts"
import * as PublishIds from "./Erasure/PublishIds.ts"
import * as Runner from "./Operations/Runner.ts"
import { layer as reconciliations, type ReconcileOptions } from "./Reconciliations.ts"

/** The workers of all jobs. Without options, no reconciliation runs. */
export const layer = (reconcile: ReconcileOptions | undefined) =>
  Layer.mergeAll(
    Runner.layer,
    EraseAgain.layer,
    PublishIds.layer,
    reconcile === undefined ? Layer.empty : reconciliations(reconcile)
  )

export type { ReconcileOptions } from "./Reconciliations.ts"

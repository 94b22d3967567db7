import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { TableComparison } from "../../Domain/Comparison.ts"
import { LedgerCounts, LedgerProblem } from "../../Domain/Ledger.ts"
import { RebuildKind, RebuildState } from "../../Domain/Rebuild.ts"
import { Conflict, NotFound, Unavailable } from "./Problems.ts"
import { Text as Storable, within } from "./Query.ts"

const Text = Schema.NullOr(Schema.String)

/** A generation that is or was built from the log beside the live one. */
export const RebuildAnswer = Schema.Struct({
  id: Schema.Finite,
  projection: Schema.String,
  generation: Schema.Finite,
  kind: RebuildKind,
  /** It continues by itself while `running` or `comparing`; the others are its ends. */
  state: RebuildState,
  requested_by: Schema.String,
  requested_at: Schema.String,
  /** Null until a projector has begun. */
  started_at: Text,
  finished_at: Text,
  /** Why it failed, or what it waits for. */
  error: Text,
  /** Null when it has ended. */
  progress: Schema.NullOr(Schema.Struct({
    done: Schema.Finite,
    total: Schema.Finite,
    /** Events a second since it began. */
    per_second: Schema.Finite,
    /** Null when nothing can be said. */
    seconds_left: Schema.NullOr(Schema.Finite)
  })),
  /** Null until it has switched or compared; `tables` of a comparison only. */
  result: Schema.NullOr(Schema.Struct({
    events: Schema.Finite,
    tables: Schema.optional(Schema.Record(Schema.String, TableComparison))
  }))
})
export type RebuildAnswer = typeof RebuildAnswer.Type

/** A read model: its place, whether all events are in it, and its running rebuild. */
export const ProjectionAnswer = Schema.Struct({
  name: Schema.String,
  generation: Schema.Finite,
  /** Of the code that built its tables; lower than the program's when a rebuild is due. */
  version: Schema.Finite,
  rebuild_due: Schema.Boolean,
  types: Schema.Array(Schema.String),
  durable: Schema.String,
  /** All entries up to this sequence are finished: the last one of the log when the projection is level. */
  finished_to: Schema.Finite,
  lag: Schema.Finite,
  lag_seconds: Schema.Finite,
  /** Why no event is applied, or what is missing; null when the read model is what the log says. */
  fault: Text,
  /** What it last had to wait for, if ever. */
  last_error: Schema.NullOr(Schema.Struct({ message: Schema.String, at: Schema.String })),
  /** Rows by table: exact up to 10,000, the database's estimate above. */
  rows: Schema.Record(Schema.String, Schema.Finite),
  /**
   * Of the entries up to `finished_to`: all, those of other types, those applied, those that are in the stream
   * again under the same id, dead letters, and discarded dead letters. `missing` are in none of these, and
   * `unexplained` are applied events that the log does not hold: both should be 0. `unexplained` is null when entries
   * arrived while the log was counted.
   */
  completeness: Schema.Struct({
    stream: Schema.Finite,
    not_mine: Schema.Finite,
    applied: Schema.Finite,
    repeated: Schema.Finite,
    dead_letters: Schema.Finite,
    discarded: Schema.Finite,
    missing: Schema.Finite,
    unexplained: Schema.NullOr(Schema.Finite)
  }),
  rebuild: Schema.NullOr(RebuildAnswer)
})
export type ProjectionAnswer = typeof ProjectionAnswer.Type

/** `dry_run` and `verify` only compare; `by` says who asks. */
const RebuildRequest = Schema.Struct({
  dry_run: Schema.optional(Schema.Boolean),
  verify: Schema.optional(Schema.Boolean),
  /** Lets rows that were made from another log go: what only that one had is gone from the read model then. */
  accept_new_log: Schema.optional(Schema.Boolean),
  by: Schema.String.check(Schema.isPattern(/^\P{Cc}{1,100}$/u))
}).check(Schema.makeFilter(({ dry_run, verify }) => !(dry_run === true && verify === true), {
  expected: "dry_run or verify, not both"
}))
export type RebuildRequest = typeof RebuildRequest.Type

/** A page of the account of every entry, for the live generation. */
export const LedgerAnswer = Schema.Struct({
  projection: Schema.String,
  generation: Schema.Finite,
  /** The account covers entries up to here: those that the durable consumer has finished. */
  up_to: Schema.Finite,
  /** The `after` of the next page. */
  cursor: Schema.Finite,
  more: Schema.Boolean,
  counts: LedgerCounts,
  problems: Schema.Array(LedgerProblem),
  /** Applied, and no longer in the stream, which begins later; on the first page. */
  gone: Schema.Finite
})
export type LedgerAnswer = typeof LedgerAnswer.Type

const Name = { name: Storable }
const RebuildOf = Schema.Struct({ ...Name, id: Schema.Int })

/** `/v1/projections`: the read models and their rebuilds from the log. */
export const Projections = HttpApiGroup.make("projections").add(
  HttpApiEndpoint.get("list", "/v1/projections", {
    success: Schema.Struct({ projections: Schema.Array(ProjectionAnswer) }),
    error: Unavailable
  }).annotate(OpenApi.Summary, "The read models, and whether all events are in them"),
  HttpApiEndpoint.post("rebuild", "/v1/projections/:name/rebuild", {
    params: Schema.Struct(Name),
    payload: RebuildRequest,
    success: RebuildAnswer.pipe(HttpApiSchema.status(202)),
    error: [NotFound, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Rebuild a read model from the log, or compare it"),
  HttpApiEndpoint.get("ledger", "/v1/projections/:name/ledger", {
    params: Schema.Struct(Name),
    query: Schema.Struct({
      after: Schema.optional(within(0, Number.MAX_SAFE_INTEGER)),
      /** As the first page says. */
      up_to: Schema.optional(within(0, Number.MAX_SAFE_INTEGER))
    }),
    success: LedgerAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Outcome of each entry of the log, page by page"),
  HttpApiEndpoint.get("get", "/v1/projections/:name/rebuilds/:id", {
    params: RebuildOf,
    success: RebuildAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One rebuild with its progress"),
  HttpApiEndpoint.post("cancel", "/v1/projections/:name/rebuilds/:id/cancel", {
    params: RebuildOf,
    success: RebuildAnswer,
    error: [NotFound, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Stop a rebuild; the live read model stays")
).annotate(OpenApi.Description, "The read models and their rebuilds")

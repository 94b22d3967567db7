import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { TableComparison } from "../../Domain/Comparison.ts"
import { field, model } from "../../Domain/Documented.ts"
import { LedgerCounts, LedgerProblem } from "../../Domain/Ledger.ts"
import { RebuildKind, RebuildState } from "../../Domain/Rebuild.ts"
import { Conflict, NotFound, Unavailable } from "./Problems.ts"
import { position, Text as Storable } from "./Query.ts"

const Text = Schema.NullOr(Schema.String)

export const rebuildMeaning =
  "`rebuild` replaces the live read model. `dry-run` and `verify` only compare with it."

/** The progress of a rebuild. */
export const progressFields = {
  done: field(Schema.Finite, "The number of events that are done."),
  total: field(Schema.Finite, "The number of all events."),
  per_second: field(Schema.Finite, "Events a second since it began."),
  seconds_left: field(Schema.NullOr(Schema.Finite), "The seconds that are left; null when that is unknown.")
}

const Progress = model("RebuildProgress", "How far a rebuild is.", Schema.Struct(progressFields))

const RebuildResult = model(
  "RebuildResult",
  "What a rebuild has built or compared.",
  Schema.Struct({
    events: field(Schema.Finite, "The number of events."),
    tables: field(
      Schema.optional(Schema.Record(Schema.String, TableComparison)),
      "How each table compares, by its name. Only of a comparison."
    )
  })
)

/** A generation that is or was built from the log, beside the live one. */
export const RebuildAnswer = model(
  "Rebuild",
  "A generation of a read model that is or was built from the log beside the live one.",
  Schema.Struct({
    id: field(Schema.Finite, "The id of the rebuild."),
    projection: field(Schema.String, "The projection."),
    generation: field(Schema.Finite, "The generation that it builds."),
    kind: field(RebuildKind, rebuildMeaning),
    state: field(
      RebuildState,
      "A rebuild continues by itself while it is `running` or `comparing`. The other states are final."
    ),
    requested_by: field(Schema.String, "Who requested it."),
    requested_at: field(Schema.String, "When it was requested."),
    started_at: field(Text, "When a projector began it; null until then."),
    finished_at: field(Text, "When it ended; null until then."),
    error: field(Text, "Why it failed, or why it is waiting."),
    progress: field(Schema.NullOr(Progress), "How far it is; null after its end."),
    result: field(Schema.NullOr(RebuildResult), "What it has built or compared; null until then.")
  })
)
export type RebuildAnswer = typeof RebuildAnswer.Type

const LastError = model(
  "ProjectionError",
  "Why a projection had to wait.",
  Schema.Struct({
    message: field(Schema.String, "The error."),
    at: field(Schema.String, "When it happened last.")
  })
)

const Completeness = model(
  "Completeness",
  "The results of the entries up to `finished_to`.",
  Schema.Struct({
    stream: field(Schema.Finite, "All entries of the stream."),
    not_mine: field(Schema.Finite, "Entries of types that the projection does not consume."),
    applied: field(Schema.Finite, "Entries that are applied."),
    repeated: field(Schema.Finite, "Entries under the id of an event that was applied before."),
    dead_letters: field(Schema.Finite, "Dead letters."),
    discarded: field(Schema.Finite, "Dead letters that an operator has discarded."),
    missing: field(Schema.Finite, "Entries that are in none of the others. It should be 0."),
    unexplained: field(
      Schema.NullOr(Schema.Finite),
      "Applied events that the log does not hold. It should be 0. Null when entries arrived while the log was counted."
    )
  })
)

/** A read model: its position in the log, whether all events are in it, and its running rebuild. */
export const ProjectionAnswer = model(
  "Projection",
  "A read model: its position in the log, whether all events are in it, and its running rebuild.",
  Schema.Struct({
    name: field(Schema.String, "The name of the projection."),
    generation: field(Schema.Finite, "The live generation."),
    version: field(
      Schema.Finite,
      "The version of the code that built its tables. It is lower than the program's when a rebuild is due."
    ),
    rebuild_due: field(Schema.Boolean, "Whether an older version built the tables."),
    types: field(Schema.Array(Schema.String), "The types of events that it consumes."),
    durable: field(Schema.String, "Its durable consumer."),
    finished_to: field(Schema.Finite, "All entries up to this position are finished."),
    lag: field(Schema.Finite, "The number of entries that it has not finished."),
    lag_seconds: field(Schema.Finite, "The age of the oldest entry that it has not finished; 0 without one."),
    fault: field(
      Text,
      "Why no event is applied, or which events are missing; null when the read model matches the log."
    ),
    last_error: field(Schema.NullOr(LastError), "Why it had to wait last; null when it never waited."),
    rows: field(
      Schema.Record(Schema.String, Schema.Finite),
      "The number of rows by table: exact up to 10,000, the database's estimate above."
    ),
    completeness: field(Completeness, "The results of the entries up to `finished_to`."),
    rebuild: field(Schema.NullOr(RebuildAnswer), "The running rebuild; null without one.")
  })
)
export type ProjectionAnswer = typeof ProjectionAnswer.Type

const RebuildRequest = model(
  "RebuildRequest",
  "What a rebuild is to do: `dry_run` or `verify`, and not both.",
  Schema.Struct({
    dry_run: field(Schema.optional(Schema.Boolean), "`true` only compares.", {
      default: false,
      example: true
    }),
    verify: field(Schema.optional(Schema.Boolean), "`true` only compares.", {
      default: false,
      example: true
    }),
    accept_new_log: field(
      Schema.optional(Schema.Boolean),
      "`true` accepts a log that differs from the one that built the rows. Rows that only the old log contained are lost.",
      { default: false, example: true }
    ),
    by: field(
      Schema.String.check(Schema.isPattern(/^\P{Cc}{1,100}$/u)),
      "Who sends the request: a person or a program.",
      {
        example: "ops@example.com"
      }
    )
  }).check(Schema.makeFilter(({ dry_run, verify }) => !(dry_run === true && verify === true), {
    expected: "dry_run or verify, not both",
    // JSON Schema cannot express this check; the description states it.
    toJsonSchema: () => [{}, true]
  }))
)
export type RebuildRequest = typeof RebuildRequest.Type

/** A page of the ledger of the live generation. */
export const LedgerAnswer = model(
  "LedgerPage",
  "A page of the account of every entry, for the live generation.",
  Schema.Struct({
    projection: field(Schema.String, "The projection."),
    generation: field(Schema.Finite, "Its live generation."),
    up_to: field(
      Schema.Finite,
      "The account covers entries up to here: those that the durable consumer has finished."
    ),
    cursor: field(Schema.Finite, "The `after` of the next page."),
    more: field(Schema.Boolean, "Whether there is a next page."),
    counts: field(LedgerCounts, "How many entries ended in each way."),
    problems: field(Schema.Array(LedgerProblem), "The entries that the account cannot explain."),
    gone: field(
      Schema.Finite,
      "Applied events that are no longer in the stream, which begins later. Only on the first page."
    )
  })
)
export type LedgerAnswer = typeof LedgerAnswer.Type

const ProjectionsAnswer = model(
  "ProjectionList",
  "All read models.",
  Schema.Struct({ projections: field(Schema.Array(ProjectionAnswer), "The read models.") })
)

const RemovedAnswer = model(
  "RemovedProjection",
  "A read model that was removed from the database.",
  Schema.Struct({ removed: field(Schema.String, "The name of the read model.") })
)

const Name = { name: field(Storable, "The name of the projection.", { example: "scans" }) }
const RebuildOf = Schema.Struct({ ...Name, id: field(Schema.Int, "The id of the rebuild.", { example: 3 }) })

/** `/v1/projections`: the read models and their rebuilds from the log. */
export const ProjectionsApi = HttpApiGroup.make("projections").add(
  HttpApiEndpoint.get("list", "/v1/projections", {
    success: ProjectionsAnswer,
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
      after: position(0, "The `cursor` of the previous page. The page continues after it."),
      up_to: position(0, "The `up_to` of the first page, so that all pages cover the same entries.")
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
  }).annotate(OpenApi.Summary, "Stop a rebuild; the live read model stays"),
  HttpApiEndpoint.post("remove", "/v1/projections/:name/remove", {
    params: Schema.Struct(Name),
    success: RemovedAnswer,
    error: [NotFound, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Remove a read model that PROJECTIONS no longer defines")
).annotate(OpenApi.Description, "The read models and their rebuilds")

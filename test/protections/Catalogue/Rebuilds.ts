import { edit, type Protection } from "../Protection.ts"

export const rebuilds: ReadonlyArray<Protection> = [
  {
    rows: ["17", "promise 5"],
    name: "a rebuild that would lose rows switches nothing",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "yield* checkNothingLost(projection, rebuild, live, floorOf(rebuild.durable))",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "fails, switching nothing, when the new read model would lack what the live one has"
  },
  {
    rows: ["17", "promise 5"],
    name: "a batch of a dropped generation changes nothing",
    edits: [
      edit("src/Projector/Apply/Batch.ts", "if (completed === undefined) {", "if (false) {")
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, takes its place and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "a rebuild makes its indexes when it has caught up",
    edits: [edit("src/Projector/Rebuild/BuildIndexes.ts", "yield* index(projection, generation)", "")],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, takes its place and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "a rebuild makes its counters when it has caught up",
    edits: [
      edit(
        "src/Projector/Rebuild/BuildIndexes.ts",
        "if (bulk) yield* bulk.complete(sql, (table) => sql.literal(tableName(table, generation)))",
        "if (!bulk) tableName(name, generation)"
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, takes its place and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "a rebuild ends with the same events as the live one",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "yield* carryOver(projection, { has: live, lacks: generation }, floorOf(rebuild.durable))",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "never takes a row from those who read while events come in"
  },
  {
    rows: ["promise 5"],
    name: "views are switched in one transaction",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "sql.withTransaction(inOneTransaction(projection, rebuild))",
        "inOneTransaction(projection, rebuild)"
      ),
      edit(
        "src/Projector/Rebuild/PromoteGeneration.ts",
        "yield* sql.unsafe(`lock table ${tables.join(\", \")} in access exclusive mode`)",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "that fails half way through its switch shows what it showed, and the next one switches"
  },
  {
    rows: ["promise 5"],
    name: "the generation that was left is dropped",
    edits: [
      edit(
        "src/Projector/Rebuild/DropGeneration.ts",
        "yield* drop(left.name, left.tables ?? [], left.retires)",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, takes its place and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "an older program does not write the tables of a newer one",
    edits: [
      edit(
        "src/Projector/Rebuild/GenerationPlan.ts",
        "version !== null && version <= projection.version",
        "version !== null"
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "is due when the program's tables changed; until then it waits, and no older program writes"
  },
  {
    rows: ["17"],
    name: "a durable consumer that is created again waits for the place where it has to begin",
    edits: [edit("src/Projector/Place/Places.ts", " for share`", "`")],
    test: "integration/Projector/Place.test.ts",
    title: "begins where it has to, also when the durable consumer is created before that is committed"
  },
  {
    rows: ["17"],
    name: "an older copy that had given up is read again",
    edits: [
      edit(
        "src/Projector/Place/Account.ts",
        "const replays = Math.min(place.replays, state.replays.size)",
        "const replays = place.replays"
      )
    ],
    test: "integration/Projector/Place.test.ts",
    title: "is read again also when its copy was made after the log was read again twice"
  },
  {
    rows: ["14"],
    name: "a session that ends within a transaction is an error, and ends no worker",
    edits: [
      edit(
        "src/Database/Database.ts",
        "isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)",
        "Effect.die(defect)"
      )
    ],
    test: "integration/Database/Database.test.ts",
    title: "fails a transaction whose session ends, and works again after it"
  },
  {
    rows: ["T16"],
    name: "no row goes by its age while the database's clock contradicts ours",
    edits: [
      edit(
        "src/Projector/Expire.ts",
        "if (Math.abs(database.now - now) > mostApart) {",
        "if (database === undefined) {"
      )
    ],
    test: "integration/EventLog/DoubtfulClock.test.ts",
    title: "stay when our clock and the database's are more than five minutes apart"
  },
  {
    rows: ["T16"],
    name: "no row goes by its age while the newest entry of the log contradicts our clock",
    edits: [edit("src/Projector/Expire.ts", "if (entries > 0 &&", "if (entries < 0 &&")],
    test: "integration/EventLog/DoubtfulClock.test.ts",
    title: "stay when our clock is more than seven days ahead of the newest entry of the log"
  }
]

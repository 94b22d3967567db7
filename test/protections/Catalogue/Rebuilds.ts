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
    title: "fails and switches nothing when the new read model would lack rows of the live one"
  },
  {
    rows: ["17", "promise 5"],
    name: "a batch of a dropped generation changes nothing",
    edits: [
      edit(
        "src/Projector/Apply/Batch.ts",
        "const role = yield* roleOf(projection.name, generation)",
        "const role = { live: true, completed: true, types: null }"
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, replaces it and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "a rebuild makes its indexes when it has caught up",
    edits: [edit("src/Projector/Rebuild/BuildIndexes.ts", "yield* index(projection, generation)", "")],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, replaces it and leaves nothing behind"
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
    title: "has the rows of the live read model, replaces it and leaves nothing behind"
  },
  {
    rows: ["promise 5"],
    name: "a rebuild ends with the same events as the live one",
    edits: [
      edit(
        "src/Projector/Rebuild/CompleteRebuild.ts",
        "yield* carryOver(projection, { has: live, lacks: generation }, floorOf(durable))",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "never hides a row from readers while events arrive"
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
    title: "that fails during its switch leaves the views unchanged, and the next one switches"
  },
  {
    rows: ["promise 5"],
    name: "the replaced generation is dropped",
    edits: [
      edit(
        "src/Projector/Rebuild/DropGeneration.ts",
        "yield* drop(left.name, left.tables ?? [], left.retires)",
        ""
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title: "has the rows of the live read model, replaces it and leaves nothing behind"
  },
  {
    rows: ["37"],
    name: "an older program stands aside for a newer definition",
    edits: [edit("src/Projector/Rebuild/GenerationPlan.ts", " && follows(projection, one)", "")],
    test: "integration/Projector/MixedVersions.test.ts",
    title: "keep the newer one when the older one starts later"
  },
  {
    rows: ["promise 5"],
    name: "an older program does not write the tables of a newer one",
    edits: [
      edit(
        "src/Projector/Rebuild/GenerationPlan.ts",
        "one.version !== null && one.version <= projection.version",
        "one.version !== null"
      )
    ],
    test: "integration/Projector/Rebuild.test.ts",
    title:
      "is due when the program's tables changed; until then the program waits, and no older program writes"
  },
  {
    rows: ["17"],
    name: "a durable consumer that is created again waits for its start position",
    edits: [edit("src/Projector/Place/Places.ts", " for share`", "`")],
    test: "integration/Projector/Place.test.ts",
    title: "begins at the right sequence, also when the durable consumer is created before the commit"
  },
  {
    rows: ["17"],
    name: "a restored older copy that had stopped reading is filled again",
    edits: [
      edit(
        "src/Projector/Place/Account.ts",
        "const replays = Math.min(place.replays, state.replays.size)",
        "const replays = place.replays"
      )
    ],
    test: "integration/Projector/Place.test.ts",
    title: "is filled from the log again, even when it was copied after two earlier readings"
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
    name: "no row expires while the clocks of process and database contradict each other",
    edits: [
      edit(
        "src/Projector/Expire.ts",
        "if (Math.abs(database.now - now) > mostApart) {",
        "if (database === undefined) {"
      )
    ],
    test: "integration/EventLog/DoubtfulClock.test.ts",
    title: "stay when the clocks of the process and the database differ by more than five minutes"
  },
  {
    rows: ["T16"],
    name: "no row expires while the newest entry of the log contradicts the clock",
    edits: [edit("src/Projector/Expire.ts", "if (entries > 0 &&", "if (entries < 0 &&")],
    test: "integration/EventLog/DoubtfulClock.test.ts",
    title: "stay when the clock of the process is more than seven days ahead of the newest entry of the log"
  }
]

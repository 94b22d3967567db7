import { edit, type Protection } from "../Protection.ts"

export const processes: ReadonlyArray<Protection> = [
  {
    rows: ["16"],
    name: "the embedded database takes a lock on its folder",
    edits: [edit("src/Database/Embedded.ts", "yield* acquire(folder)\n", "\n")],
    test: "integration/Database/EmbeddedPostgres.test.ts",
    title: "is refused to a second process by name, and taken over when the first was killed"
  },
  {
    rows: ["16"],
    name: "a lock is free when its process is dead",
    edits: [
      edit(
        "src/Process/FolderLock.ts",
        "if (holder.space === own.space) return yield* isRunning(holder)",
        "if (holder.space === own.space) return true"
      )
    ],
    test: "unit/Process/FolderLock.test.ts",
    title: "takes over from a pid that is gone"
  },
  {
    rows: ["16"],
    name: "a pid that was given to another process holds nothing",
    edits: [
      edit(
        "src/Process/FolderLock/Holder.ts",
        "(holder.startedAt === null || holder.startedAt === startedAt)",
        "true"
      )
    ],
    test: "unit/Process/FolderLock.test.ts",
    title: "takes over from a pid that now belongs to another process"
  },
  {
    rows: ["16"],
    name: "of all that find a dead holder one takes over",
    edits: [edit("src/Process/FolderLock.ts", "if (!isSame(yield* read(file), dead)) return false", "")],
    test: "unit/Process/FolderLock.test.ts",
    title: "refuses one that found the dead holder, when another took over meanwhile"
  },
  {
    rows: ["16"],
    name: "a lock is released only by its holder",
    edits: [
      edit(
        "src/Process/FolderLock.ts",
        "if (isSame(yield* read(file), own)) yield* fs.remove(file)",
        "yield* fs.remove(file)"
      )
    ],
    test: "unit/Process/FolderLock.test.ts",
    title: "leaves the lock alone on release when it is no longer ours"
  },
  {
    rows: ["29"],
    name: "a second SIGTERM changes nothing",
    edits: [edit("src/main.ts", `process.on("SIGTERM", stopInTime)`, `process.once("SIGTERM", stopInTime)`)],
    test: "e2e/Faults/Stopping.test.ts",
    title: "by SIGTERM under load takes less than 25 seconds, gives 0, and loses and doubles nothing"
  },
  {
    rows: ["29"],
    name: "an orderly stop is no failure",
    edits: [edit("src/main.ts", "Number(process.exitCode ?? 130)", "130")],
    test: "e2e/Faults/Stopping.test.ts",
    title: "by SIGTERM under load takes less than 25 seconds, gives 0, and loses and doubles nothing"
  },
  {
    rows: ["1"],
    name: "the embedded broker is started again",
    edits: [
      edit("src/Nats/Server.ts", "yield* Effect.forkScoped(restart(", "yield* Effect.succeed(restart(")
    ],
    test: "integration/Nats/NatsServerLife.test.ts",
    title: "is started again when what guards it is killed, and never runs twice"
  },
  {
    rows: ["promise 6"],
    name: "a worker that ends takes the process down with it",
    edits: [
      edit(
        "src/Process/ProcessHealth.ts",
        "Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)",
        "false"
      )
    ],
    test: "unit/Process/ProcessHealth.test.ts",
    title: "tell the first worker that fails, and not one that is stopped"
  }
]

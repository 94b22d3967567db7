import { edit, type Protection } from "../Protection.ts"

export const processes: ReadonlyArray<Protection> = [
  {
    rows: ["16"],
    name: "the embedded database locks its folder",
    edits: [edit("src/Database/Embedded.ts", "yield* acquire(folder)\n", "\n")],
    test: "integration/Database/EmbeddedPostgres.test.ts",
    title: "refuses a second process by name, and is taken over after the first process is killed"
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
    title: "takes over from a pid that no longer exists"
  },
  {
    rows: ["16"],
    name: "a pid that now belongs to another process holds no lock",
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
    name: "exactly one process takes over from a dead holder",
    edits: [edit("src/Process/FolderLock.ts", "if (!isSame(yield* read(file), dead)) return false", "")],
    test: "unit/Process/FolderLock.test.ts",
    title: "refuses a process that found a dead holder when another process took over meanwhile"
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
    title: "keeps the lock file on release when another process owns it"
  },
  {
    rows: ["29"],
    name: "a second SIGTERM changes nothing",
    edits: [edit("src/main.ts", `process.on("SIGTERM", stopInTime)`, `process.once("SIGTERM", stopInTime)`)],
    test: "e2e/Faults/Stopping.test.ts",
    title: "by SIGTERM under load takes less than 25 seconds, exits 0, and neither loses nor doubles an event"
  },
  {
    rows: ["29"],
    name: "an orderly stop is not a failure",
    edits: [edit("src/main.ts", "Number(process.exitCode ?? 130)", "130")],
    test: "e2e/Faults/Stopping.test.ts",
    title: "by SIGTERM under load takes less than 25 seconds, exits 0, and neither loses nor doubles an event"
  },
  {
    rows: ["1"],
    name: "the embedded broker is restarted",
    edits: [
      edit("src/Nats/Server.ts", "yield* Effect.forkScoped(restart(", "yield* Effect.succeed(restart(")
    ],
    test: "integration/Nats/NatsServerLife.test.ts",
    title: "is restarted when its guard process is killed, and never runs twice"
  },
  {
    rows: ["promise 6"],
    name: "the process ends when a worker ends",
    edits: [
      edit(
        "src/Process/ProcessHealth.ts",
        "Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)",
        "false"
      )
    ],
    test: "unit/Process/ProcessHealth.test.ts",
    title: "report the first worker that fails, and none that is stopped"
  }
]

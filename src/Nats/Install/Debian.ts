import { Effect, FileSystem, Path } from "effect"
import { Unavailable } from "./Binary.ts"
import { keep, temporaryFolder } from "./Cache.ts"
import { run } from "./Command.ts"
import { lookUp, type Machine } from "./Machine.ts"

/** The name of the distribution's build in the cache. */
export const buildOf = (machine: Machine) => `nats-server-debian-${machine.arch}`

/** Description of the build's source, for the operator. */
export const source = "the distribution's package"

/**
 * Downloads the package of Debian or Ubuntu without root, and keeps its binary in our cache. The package lists and
 * caches are removed afterwards. Apt checks the distribution's signatures.
 */
export const fetchPackage = Effect.fn("Debian.fetchPackage")(
  function*(machine: Machine) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const aptGet = yield* tool(machine, "apt-get")
    const dpkg = yield* tool(machine, "dpkg")
    const folder = yield* temporaryFolder(machine)
    const options = [...privateFolders(folder), ...lean, ...(yield* ownSources)].flatMap((
      option
    ) => ["-o", option])
    yield* fs.makeDirectory(path.join(folder, "state", "lists", "partial"), { recursive: true })
    yield* fs.makeDirectory(path.join(folder, "cache", "archives", "partial"), { recursive: true })
    yield* Effect.logInfo("Fetching the distribution's nats-server with apt-get download")
    yield* run(aptGet, ["-q", "update", ...options], folder)
    yield* run(aptGet, ["-q", "download", ...options, "nats-server"], folder)
    const packages = yield* fs.readDirectory(folder)
    const archive = packages.find((file) => file.endsWith(".deb"))
    if (archive === undefined) return yield* new Unavailable({ message: "apt-get downloaded no package" })
    yield* run(dpkg, ["-x", archive, "unpacked"], folder)
    // Debian installs it in sbin, the official packages in bin.
    for (const bin of ["sbin", "bin"]) {
      const file = path.join(folder, "unpacked", "usr", bin, "nats-server")
      if (yield* fs.exists(file)) return yield* keep(machine, buildOf(machine), file, source)
    }
    return yield* new Unavailable({ message: `${archive} holds no nats-server` })
  },
  Effect.scoped,
  Effect.timeoutOrElse({
    duration: "90 seconds",
    orElse: () => Effect.fail(new Unavailable({ message: "apt-get did not finish within 90 seconds" }))
  })
)

const tool = Effect.fnUntraced(function*(machine: Machine, command: string) {
  const found = yield* lookUp(machine, command)
  return yield* Effect.fromOption(found).pipe(
    Effect.mapError(() =>
      new Unavailable({ message: `this system is not Debian or Ubuntu: there is no ${command} on PATH` })
    )
  )
})

const privateFolders = (folder: string) => [
  `Dir::State=${folder}/state`,
  `Dir::Cache=${folder}/cache`,
  // As root, apt would download as another user, who cannot enter our folders.
  "APT::Sandbox::User=root"
]

const lean = [
  "Acquire::Languages=none",
  "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
  "Acquire::IndexTargets::deb::CNF::DefaultEnabled=false",
  "Acquire::http::Timeout=10",
  "Acquire::https::Timeout=10",
  "Acquire::Retries=1",
  "APT::Update::Error-Mode=any"
]

// Third-party sources cost time and may be broken, so they are left out.
const ownSources = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  for (
    const file of [
      "/etc/apt/sources.list.d/debian.sources",
      "/etc/apt/sources.list.d/ubuntu.sources",
      "/etc/apt/sources.list"
    ]
  ) {
    if (yield* fs.exists(file)) return [`Dir::Etc::sourcelist=${file}`, "Dir::Etc::sourceparts=/dev/null"]
  }
  return []
})

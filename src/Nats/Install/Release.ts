import { Effect, FileSystem, Path } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { createHash } from "node:crypto"
import { Unavailable } from "./Binary.ts"
import { keep, temporaryFolder } from "./Cache.ts"
import { run } from "./Command.ts"
import { fileName, type Machine } from "./Machine.ts"

/** A release of nats-server: the location of its archives and their checksums. */
export interface Release {
  readonly version: string
  /** URL of the folder that contains `v<version>/<archive>`. */
  readonly url: string
  /** SHA-256 of the archives, in hex, by target such as `linux-amd64`. */
  readonly checksums: Readonly<Record<string, string>>
}

/** The release that this program installs. The checksums come from nats-io/nats-docker, which has none for macOS. */
export const official: Release = {
  version: "2.14.5",
  url: "https://github.com/nats-io/nats-server/releases/download",
  checksums: {
    "linux-amd64": "5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355",
    "linux-arm64": "673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c",
    "windows-amd64": "f66f840a211ab665083b88e9b7edbcf6296cda143be47e53e6f6bb8520692bbb"
  }
}

/** How an archive was checked, for the operator. */
const pinned = "with the pinned SHA-256"
const published = "checked against the release's own SHA256SUMS, which proves integrity, not origin"

/** The name of the release's build for a machine. The archive and its folder have the same name. */
export const buildOf = (machine: Machine, release: Release) =>
  `nats-server-v${release.version}-${targetOf(machine)}`

/** Description of the build's source, for the operator. */
export const sourceOf = (machine: Machine, release: Release) =>
  `official release, ${release.checksums[targetOf(machine)] === undefined ? published : pinned}`

/** Downloads the release's archive for a machine, checks it, and keeps its binary in the cache. */
export const fetchRelease = Effect.fn("Release.fetch")(
  function*(machine: Machine, release: Release) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (!targets.includes(targetOf(machine))) {
      return yield* new Unavailable({
        message: `no official archive is known for ${machine.platform} on ${machine.arch}`
      })
    }
    const build = buildOf(machine, release)
    const archive = `${build}${machine.platform === "win32" ? ".zip" : ".tar.gz"}`
    const folderUrl = `${release.url}/v${release.version}`
    yield* Effect.logInfo(`Fetching nats-server ${release.version} from ${folderUrl}/${archive}`)
    const expected = release.checksums[targetOf(machine)] ?? (yield* publishedChecksum(folderUrl, archive))
    const bytes = yield* get(`${folderUrl}/${archive}`)
    yield* verify(archive, bytes, expected)
    const folder = yield* temporaryFolder(machine)
    yield* fs.writeFile(path.join(folder, archive), bytes)
    yield* run(machine.tar, ["-xf", archive], folder)
    return yield* keep(
      machine,
      build,
      path.join(folder, build, fileName(machine, "nats-server")),
      sourceOf(machine, release)
    )
  },
  Effect.scoped,
  Effect.tapError((error) => Effect.logWarning(`The official release is not used: ${error.message}`))
)

const platforms: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin", win32: "windows" }
const archs: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" }
const targets = ["linux-amd64", "linux-arm64", "windows-amd64", "darwin-amd64", "darwin-arm64"]

const targetOf = (machine: Machine) =>
  `${platforms[machine.platform] ?? machine.platform}-${archs[machine.arch] ?? machine.arch}`

const verify = (archive: string, bytes: Uint8Array, expected: string) => {
  const actual = createHash("sha256").update(bytes).digest("hex")
  return actual === expected ? Effect.void : Effect.fail(
    new Unavailable({
      message: `${archive} is not used: its SHA-256 should be ${expected} and is ${actual}`
    })
  )
}

const publishedChecksum = Effect.fnUntraced(function*(folderUrl: string, archive: string) {
  const sums = new TextDecoder().decode(yield* get(`${folderUrl}/SHA256SUMS`))
  const line = sums.split("\n").map((line) => line.trim().split(/\s+\*?/)).find(([, file]) =>
    file === archive
  )
  return line?.[0] ??
    (yield* new Unavailable({ message: `${folderUrl}/SHA256SUMS does not name ${archive}` }))
})

const late = (within: string) => () => Effect.fail(new Unavailable({ message: `no answer within ${within}` }))

const get = Effect.fnUntraced(function*(url: string) {
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.followRedirects(5))
  return yield* client.get(url).pipe(
    Effect.timeoutOrElse({ duration: "5 seconds", orElse: late("5 seconds") }),
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap((response) => response.arrayBuffer),
    Effect.timeoutOrElse({ duration: "2 minutes", orElse: late("2 minutes") }),
    Effect.mapError((error) => new Unavailable({ message: `${url} cannot be fetched: ${innermost(error)}` })),
    Effect.map((body) => new Uint8Array(body))
  )
})

// "Transport error" does not mention, for example, a name that cannot be resolved. The innermost cause does.
const innermost = (error: Error): string =>
  error.cause instanceof Error ? innermost(error.cause) : error.message

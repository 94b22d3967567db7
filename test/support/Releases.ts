import { Deferred, Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createHash } from "node:crypto"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { natsServer, writeCommand } from "./Machine.ts"

/** An archive with the layout of the official ones: one folder with the name of the archive. */
export const archiveOf = Effect.fnUntraced(function*(build: string, file: string, version: string) {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* writeCommand(`${folder}/${build}/${file}`, natsServer(version))
  yield* fs.writeFileString(`${folder}/${build}/LICENSE`, "Apache License")
  yield* spawner.exitCode(ChildProcess.make("tar", ["-czf", "archive", build], { cwd: folder }))
  const bytes = yield* fs.readFile(`${folder}/archive`)
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") }
})

/** A local download server that records the requested paths. */
export const serve = Effect.fnUntraced(function*(answer: RequestListener) {
  const requests: Array<string> = []
  const asked = yield* Deferred.make<void>()
  const server = createServer((request, response) => {
    requests.push(request.url ?? "")
    Deferred.doneUnsafe(asked, Effect.void)
    answer(request, response)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, requests, asked: Deferred.await(asked) }
})

/** Answers with the files at these paths, and 404 elsewhere. */
export const files =
  (contents: Readonly<Record<string, Uint8Array | string>>): RequestListener => (request, response) => {
    const content = contents[request.url ?? ""]
    response.writeHead(content === undefined ? 404 : 200).end(content)
  }

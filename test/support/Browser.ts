import { Context, Effect, Layer, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { type Browser as Chrome, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { find } from "./Browser/Install.ts"

/** A real Chromium, shared by all tests that are provided with this layer. */
export class Browser extends Context.Service<Browser, {
  /** A new page without state of other pages, until the scope ends. */
  readonly page: (options?: BrowserContextOptions) => Effect.Effect<Page, never, Scope.Scope>
}>()("test/Browser") {
  static readonly layer = Layer.effect(
    Browser,
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "threeqpr-chromium-"))),
        // Child processes of Chromium can still write to the folder while it ends.
        (folder) =>
          Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
      )
      const address = yield* start(folder)
      const chrome = yield* Effect.acquireRelease(
        Effect.promise(() => chromium.connectOverCDP(address)),
        (chrome) => Effect.promise(() => chrome.close())
      )
      return Browser.of({ page: (options) => newPage(chrome, options) })
    })
  )
}

const newPage = (chrome: Chrome, options: BrowserContextOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      chrome.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Etc/UTC", ...options })
    ),
    (context) => Effect.promise(() => context.close())
  ).pipe(Effect.flatMap((context) => Effect.promise(() => context.newPage())))

/** Starts Chromium and returns the address of its DevTools. */
const start = (folder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { binary, environment } = await find()
      return spawn(binary, [...flags, `--user-data-dir=${folder}`, "about:blank"], {
        env: { ...process.env, ...environment },
        stdio: ["ignore", "ignore", "pipe"]
      })
    }),
    (child) => end(child)
  ).pipe(Effect.flatMap(addressOf))

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--font-render-hinting=none",
  "--remote-debugging-port=0"
]

const addressOf = (child: ChildProcess) =>
  Effect.callback<string>((resume) => {
    let said = ""
    child.stderr?.on("data", (text) => {
      if (said.length > 100_000) return
      said += String(text)
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (address !== undefined) resume(Effect.succeed(address))
    })
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("exit", (code) => resume(Effect.die(new Error(`Chromium ended with ${code}:\n${said}`))))
  })

const end = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

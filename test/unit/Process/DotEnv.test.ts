// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { type Flags, load } from "../../../src/Process/Config.ts"
import { contentOf, DotEnv, parse } from "../../../src/Process/Config/DotEnv.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "threeqpr-dotenv-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const loadWith = Effect.fnUntraced(
  function*(
    text: string,
    environment: Readonly<Record<string, string>> = {},
    flags: Flags = {},
    mode = 0o600
  ) {
    const file = join(yield* folder, ".env")
    writeFileSync(file, text)
    chmodSync(file, mode)
    return yield* load(flags).pipe(
      Effect.provideService(DotEnv, file),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
    )
  },
  Effect.scoped
)

const secretsOf = ({ secrets = [] }: Effect.Success<ReturnType<typeof loadWith>>) =>
  secrets.map(({ value }) => Redacted.value(value))

describe("an environment file", () => {
  it("is parsed as shells and the dotenv libraries parse it", () => {
    const text = "\uFEFF# a comment\r\n\r\nA=1\r\nexport B = two words # said here\n"
      + `C="a \\"b\\"\\nc" # d\nD='$x # "y"'\nE=\nF=a#b=c\nG="two\nlines"\n  H=\`h\`\nA=2`
    assert.deepStrictEqual(parse(".env", text), {
      values: {
        A: "2",
        B: "two words",
        C: "a \"b\"\nc",
        D: `$x # "y"`,
        E: "",
        F: "a#b=c",
        G: "two\nlines",
        H: "h"
      },
      faults: []
    })
    assert.deepStrictEqual(parse(".env", ""), { values: {}, faults: [] })
  })

  it("reports invalid lines by number, and shows no value", () => {
    const { faults, values } = parse(
      ".env",
      `A=1\nnot an assignment s3cret\nB="s3cret\nC='s3cret' s3cret\nD=4\n`
    )
    assert.deepStrictEqual(faults.map((fault) => fault.slice(0, 17)), [
      ".env, line 2: thi",
      ".env, line 3: the",
      ".env, line 4: the"
    ])
    assert.notInclude(faults.join(), "s3cret")
    assert.deepStrictEqual(values, { A: "1", D: "4" })
  })

  it("sets nothing if it does not exist", () => {
    assert.deepStrictEqual(contentOf(join(tmpdir(), "no-such-file")).values, {})
  })
})

describe("settings of an environment file", () => {
  it.effect("apply when neither a flag nor the environment sets them", () =>
    Effect.gen(function*() {
      const text = "PORT=4000\nADMIN_PORT=4001\nHOST=127.0.0.1\nPOSTGRES_PASSWORD=x\n"
      const config = yield* loadWith(text, { ADMIN_PORT: "5001" }, { HOST: "::1" })
      assert.deepInclude(config, { port: 4000, adminPort: 5001, host: "::1" })
      assert.deepStrictEqual(config.dotEnv.variables, ["PORT"])
    }))

  it.effect("do not override a secret that the environment sets directly or by file", () =>
    Effect.gen(function*() {
      const text = "THREEQPR_WEBHOOK_SECRET=whsec_of_the_file\n"
      assert.deepStrictEqual(secretsOf(yield* loadWith(text)), ["whsec_of_the_file"])
      assert.deepStrictEqual(
        secretsOf(yield* loadWith(text, { THREEQPR_WEBHOOK_SECRET: "whsec_of_the_environment" })),
        ["whsec_of_the_environment"]
      )
      const inFile = yield* loadWith(text, { THREEQPR_WEBHOOK_SECRET_FILE: "/run/secret" })
      assert.deepStrictEqual([secretsOf(inFile), inFile.secretFile], [[], "/run/secret"])
    }))

  it.effect("are refused by name, line and file", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(loadWith("nonsense\nTHREEQPR_WEBHOK_SECRET=s3cret\nPORT=many\n"))
      assert.match(message, /\.env, line 1: this line is not an assignment/)
      assert.match(message, /\.env: THREEQPR_WEBHOK_SECRET is set.*Did you mean THREEQPR_WEBHOOK_SECRET/)
      assert.include(message, `PORT is "many"`)
      assert.notInclude(message, "s3cret")
    }))

  it.effect("cause a warning when they include secrets that other users can read", () =>
    Effect.gen(function*() {
      if (process.platform === "win32") return
      const warningsOf = (text: string, mode: number) =>
        Effect.map(loadWith(text, {}, {}, mode), ({ warnings }) => warnings)
      const [warning = ""] = yield* warningsOf("ADMIN_TOKEN=s3cret_of_the_tests\n", 0o644)
      assert.match(warning, /holds ADMIN_TOKEN, and other users can read it\. Run `chmod 600 /)
      assert.notInclude(warning, "s3cret")
      assert.deepStrictEqual(yield* warningsOf("ADMIN_TOKEN=s3cret_of_the_tests\n", 0o600), [])
      assert.deepStrictEqual(yield* warningsOf("PORT=4000\n", 0o644), [])
    }))
})

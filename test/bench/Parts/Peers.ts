import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { contest, type Entrant, ours } from "../Contest.ts"
import type { Part } from "../Part.ts"
import { broker, count, postgres, redis } from "../Stores.ts"

/** This project against typical solutions with a framework and a queue or a database, on Node. */
export const peers: Part = {
  name: "peers",
  about: "the same against Express with BullMQ, Fastify with Postgres, and the guide's sample",
  run: Effect.fnUntraced(function*(options) {
    install()
    const peer = (name: string, script: string, store: Entrant["store"]): Entrant => ({
      name,
      runtime: "node",
      script: `./peers/packages/${script}`,
      store
    })
    const [stream, queue] = [yield* broker, yield* redis]
    const us = ours("node", stream)
    const rivals = [
      ...(queue ? [peer("(c) Express, BullMQ on Redis", "bullmq.js", queue)] : []),
      peer("(d) Fastify, INSERT into Postgres", "insert.js", yield* postgres),
      peer("(e) Express, a Set in memory: not durable", "memory.js", {
        environment: {},
        pid: undefined,
        count
      })
    ]
    const report = yield* contest([us, ...rivals], rivals.map((rival) => [us, rival] as const), options)
    const skipped = "(c) was SKIPPED: there is no redis-server on PATH (Debian: apt-get install redis-server)"
    return queue ? report : { ...report, notes: [...report.notes, skipped] }
  })
}

const folder = fileURLToPath(new URL("../peers/packages", import.meta.url))

/** Installs the packages of the peers at first use. They are no dependencies of the project. */
const install = () => {
  if (existsSync(`${folder}/node_modules`)) return
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: folder,
    stdio: "inherit"
  })
}

import { beforeEach } from "vitest"

// Setup of the run on PGlite. Its files contain other tests too, which already run on Postgres.

beforeEach(({ skip, task }) => {
  const titles = [task.name]
  for (let suite = task.suite; suite !== undefined; suite = suite.suite) titles.push(suite.name)
  skip(!titles.some((title) => title.includes("PGlite")), "does not depend on the kind of database")
})

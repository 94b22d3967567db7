import { beforeEach } from "vitest"

// Setup of the run on PGlite: the other tests of its files have run on Postgres already.

beforeEach(({ skip, task }) => {
  const titles = [task.name]
  for (let suite = task.suite; suite !== undefined; suite = suite.suite) titles.push(suite.name)
  skip(!titles.some((title) => title.includes("PGlite")), "does not depend on the kind of database")
})

import { buildIfStale } from "../../bin/fresh.js"

/** Builds the program once, before the tests that run it as a process. */
export const setup = () => buildIfStale()

import { aboutOf, entryOf, rooms } from "../support/Rooms.ts"
import { code, table } from "./Markdown.ts"

/** Rooms that nearly all others use. The picture leaves them out, because their arrows would hide the others. */
const everywhere = new Set(["Domain", "Process"])

const usesOf = (name: string): ReadonlyArray<string> => rooms.find((room) => room.name === name)?.uses ?? []

const reaches = (from: string, to: string): boolean =>
  usesOf(from).some((next) => next === to || reaches(next, to))

/** The rooms and their dependencies as a diagram, without dependencies that follow from others. */
const picture = () => {
  const arrows = rooms.flatMap(({ name, uses }) =>
    uses.filter((to) => !everywhere.has(to) && !uses.some((other) => other !== to && reaches(other, to)))
      .map((to) => `  ${idOf(name)} --> ${idOf(to)}`)
  )
  const named = rooms.filter(({ name }) => !everywhere.has(name)).map(({ name }) =>
    `  ${idOf(name)}["${name}"]`
  )
  return ["```mermaid", "flowchart TB", ...named, ...arrows, "```"].join("\n")
}

const idOf = (name: string) => name.replace("/", "")

/** The diagram of the rooms, and a table of what each holds and promises. Entry files state what rooms may use. */
export const roomsPart = () =>
  `${picture()}\n\n${
    table(
      ["room", "holds", "promises"],
      rooms.map((room) => {
        const { holds, promises } = aboutOf(room)
        return [`[${code(room.name)}](src/${entryOf(room)})`, holds, promises]
      })
    )
  }`

import { Predicate } from "effect"

/** The entity that an event describes, and the entities that it belongs to, each as `<entity>:<id>`. */
export interface Belonging {
  readonly own: string | undefined
  readonly to: ReadonlyArray<string>
}

/** The key of an entity, such as `scan:scan_1`. */
export const keyOf = (entity: string, id: string) => `${entity}:${id}`

/**
 * Derives this from the JSON of an event. A conversation belongs to a scan and a code, and a scan to a code. An event
 * of an unknown type belongs to every entity that it names. Any JSON is accepted, including quarantined input.
 */
export const belongingOf = (json: unknown): Belonging => {
  const type = textIn(json, "event") ?? ""
  const data = Predicate.hasProperty(json, "data") ? json.data : undefined
  const [entity = ""] = type.split(".")
  const parents = parentsOf.get(entity)
  const id = textIn(data, "id") ?? (entity === "conversation" ? textIn(data, "conversation_id") : undefined)
  return {
    own: parents !== undefined && id !== undefined ? keyOf(entity, id) : undefined,
    to: (parents ?? anything).flatMap((parent) => {
      const id = textIn(data, `${parent}_id`)
      return id === undefined ? [] : [keyOf(parent, id)]
    })
  }
}

const anything = ["qpr_code", "scan", "conversation"]

/** The entities that an entity can belong to; `<parent>_id` in its data holds the id. */
const parentsOf = new Map<string, ReadonlyArray<string>>([
  ["qpr_code", []],
  ["scan", ["qpr_code"]],
  ["conversation", ["qpr_code", "scan"]],
  ["subscription", []]
])

const textIn = (value: unknown, name: string) =>
  Predicate.hasProperty(value, name) && typeof value[name] === "string" ? value[name] : undefined

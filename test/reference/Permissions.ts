import { consumerPermissions, groupPermissions, rolePermissions } from "../support/NatsPermissions.ts"
import { code, table } from "./Markdown.ts"

const subjects = (list: ReadonlyArray<string>) => list.map(code).join(", ")

export const roles = () =>
  table(
    ["role", "may publish to", "may subscribe to"],
    Object.entries(rolePermissions).map(([role, { publish, subscribe }]) => [
      code(role),
      subjects(publish),
      subjects(subscribe)
    ])
  )

export const consumers = () =>
  table(
    ["may publish to", "for"],
    Object.entries(consumerPermissions("NAME")).map(([purpose, list]) => [subjects(list), purpose])
  )

export const groups = () => groupPermissions.map((subject) => `- ${code(subject)}`).join("\n")

import { SchemaIssue } from "effect"

/** One fault of a value that does not match a schema. */
export interface SchemaFault {
  /** The keys that lead to the fault; empty for the value itself. */
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** All faults of an issue. */
export const faultsOf = (issue: SchemaIssue.Issue): ReadonlyArray<SchemaFault> =>
  format(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)),
    message
  }))

const format = SchemaIssue.makeFormatterStandardSchemaV1()

import { SchemaIssue } from "effect"

/** One fault of a value that does not fit a schema. */
export interface SchemaFault {
  /** The names that lead to the fault; none for the value itself. */
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** Every fault that an issue names. */
export const faultsOf = (issue: SchemaIssue.Issue): ReadonlyArray<SchemaFault> =>
  format(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)),
    message
  }))

const format = SchemaIssue.makeFormatterStandardSchemaV1()

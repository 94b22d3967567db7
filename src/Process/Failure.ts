import { Cause, Predicate } from "effect"

/** What went wrong, in one line: the messages of an error, or of a whole cause, and of what caused it. */
export const messageOf = (failure: unknown): string => [...new Set(messages(failure))].join(": ")

const messages = (failure: unknown): ReadonlyArray<string> => {
  if (Cause.isCause(failure)) return messages(Cause.squash(failure))
  // The client of the database wraps what the server said two times, in its own words.
  const server = Predicate.hasProperty(failure, "~effect/sql/SqlError") ? serverErrorIn(failure) : undefined
  if (server !== undefined) return [server]
  if (!Predicate.hasProperty(failure, "message") || !Predicate.isString(failure.message)) {
    return [String(failure)]
  }
  const own = failure.message === "" ? [] : [failure.message]
  // An error with a remedy says the reason itself, and ends with what to do.
  if (Predicate.hasProperty(failure, "remedy")) return own
  return Predicate.hasProperty(failure, "cause") && failure.cause !== undefined
    ? [...own, ...messages(failure.cause)]
    : own
}

/**
 * What the database's server said, its SQLSTATE, and the detail unless it can show a row; undefined when the failure is
 * none of the server.
 */
const serverErrorIn = (failure: unknown): string | undefined => {
  if (!Predicate.hasProperty(failure, "severity") || !Predicate.hasProperty(failure, "code")) {
    return Predicate.hasProperty(failure, "cause") && failure.cause !== undefined
      ? serverErrorIn(failure.cause)
      : undefined
  }
  const message = Predicate.hasProperty(failure, "message") ? String(failure.message) : ""
  const showsRow = /^2[23]/.test(String(failure.code))
  const detail = !showsRow && Predicate.hasProperty(failure, "detail") && Predicate.isString(failure.detail)
    ? `: ${failure.detail.replaceAll(/\s*\n\s*/g, " ")}`
    : ""
  return `${message} (SQLSTATE ${String(failure.code)})${detail}`
}

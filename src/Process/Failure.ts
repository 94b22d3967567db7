import { Cause, Predicate } from "effect"

/** Describes a failure in one line: the messages of an error or of a whole `Cause`, and of their causes. */
export const messageOf = (failure: unknown): string => [...new Set(messages(failure))].join(": ")

const messages = (failure: unknown): ReadonlyArray<string> => {
  if (Cause.isCause(failure)) return messages(Cause.squash(failure))
  // The database client wraps the server's message twice, in its own words.
  const server = Predicate.hasProperty(failure, "~effect/sql/SqlError") ? serverErrorIn(failure) : undefined
  if (server !== undefined) return [server]
  if (!Predicate.hasProperty(failure, "message") || !Predicate.isString(failure.message)) {
    return [String(failure)]
  }
  const own = failure.message === "" ? [] : [failure.message]
  // The message of an error with a remedy includes the reason and ends with the remedy.
  if (Predicate.hasProperty(failure, "remedy")) return own
  return Predicate.hasProperty(failure, "cause") && failure.cause !== undefined
    ? [...own, ...messages(failure.cause)]
    : own
}

/**
 * The message of the database server with its SQLSTATE. The detail is included unless it can show a row. Undefined
 * when the failure does not come from the server.
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
    ? `: ${withoutPeriod(failure.detail.replaceAll(/\s*\n\s*/g, " "))}`
    : ""
  return `${message} (SQLSTATE ${String(failure.code)})${detail}`
}

/** Removes a final period, so that the text can be a part of a sentence. */
export const withoutPeriod = (text: string): string => text.replace(/\.$/, "")

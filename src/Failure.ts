import { Cause, Predicate } from "effect"

/** What went wrong, in one line: the messages of an error, or of a whole cause, and of what caused it. */
export const messageOf = (failure: unknown): string => [...new Set(messages(failure))].join(": ")

const messages = (failure: unknown): ReadonlyArray<string> => {
  if (Cause.isCause(failure)) return messages(Cause.squash(failure))
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

import { Cause, Predicate } from "effect"
import { messageOf } from "../../Process/Failure.ts"

/** The finding of a check: its state, what was seen, and the remedy if one is needed. */
export interface Finding {
  readonly state: "ok" | "warning" | "failed" | "skipped"
  readonly seen: string
  readonly remedy?: string
}

export const ok = (seen: string): Finding => ({ state: "ok", seen })
export const warning = (seen: string, remedy: string): Finding => ({ state: "warning", seen, remedy })
export const failed = (seen: string, remedy?: string): Finding => ({
  state: "failed",
  seen,
  ...(remedy !== undefined && { remedy })
})
export const skipped = (seen: string, remedy?: string): Finding => ({
  state: "skipped",
  seen,
  ...(remedy !== undefined && { remedy })
})

/** Converts a failure to a finding. When an error has no remedy, the text after its first sentence is used. */
export const failedWith = (failure: unknown): Finding => {
  const error = Cause.isCause(failure) ? Cause.squash(failure) : failure
  const message = messageOf(error)
  if (Predicate.hasProperty(error, "remedy") && Predicate.isString(error.remedy)) {
    return failed(message.replace(error.remedy, "").trimEnd(), error.remedy)
  }
  const [, seen = message, remedy] = /^(.+?\.)\s+(?=[A-Z])(.*)$/s.exec(message) ?? []
  return failed(seen, remedy)
}

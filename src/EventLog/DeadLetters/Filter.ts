import { millisOf } from "../../Domain/Timestamp.ts"
import { allDeadSubjects, deadSubject, deadSubjects } from "../Names.ts"
import type { DeadLetter } from "./Letter.ts"

/** A filter for dead letters. A letter fits when it meets every condition that is given. */
export interface LetterFilter {
  readonly consumer?: string | undefined
  readonly type?: string | undefined
  /** Text that the error contains, ignoring case. */
  readonly error?: string | undefined
  /** Earliest time of the last failure, inclusive (ISO 8601). */
  readonly since?: string | undefined
  /** Latest time of the last failure, exclusive (ISO 8601). */
  readonly until?: string | undefined
}

/** The subject filter for all letters that can fit. */
export const subjectsOf = ({ consumer, type }: LetterFilter) =>
  type !== undefined
    ? deadSubject({ consumer, type })
    : consumer !== undefined
    ? deadSubjects(consumer)
    : allDeadSubjects

/** Whether the filter has a condition that the subject does not contain, so that the letters must be read. */
export const readsLetters = ({ error, since, until }: LetterFilter) =>
  error !== undefined || since !== undefined || until !== undefined

/** Whether a letter meets every condition of the filter. */
export const fits = (letter: DeadLetter, { consumer, error, since, type, until }: LetterFilter) =>
  (consumer === undefined || letter.consumer === consumer)
  && (type === undefined || letter.type === type)
  && (error === undefined || letter.error.toLowerCase().includes(error.toLowerCase()))
  && (since === undefined || Date.parse(letter.lastFailedAt) >= millisOf(since))
  && (until === undefined || Date.parse(letter.lastFailedAt) < millisOf(until))

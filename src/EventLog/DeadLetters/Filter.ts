import { millisOf } from "../../Domain/Timestamp.ts"
import { allDeadSubjects, deadSubject, deadSubjects } from "../Names.ts"
import type { DeadLetter } from "./Letter.ts"

/** Which dead letters: those that fit everything that is given. */
export interface LetterFilter {
  readonly consumer?: string | undefined
  readonly type?: string | undefined
  /** A part of the error, in any case. */
  readonly error?: string | undefined
  /** ISO 8601, of the last failure: this time or later. */
  readonly since?: string | undefined
  /** ISO 8601, of the last failure: before this time. */
  readonly until?: string | undefined
}

/** The subjects of the letters that can fit. */
export const subjectsOf = ({ consumer, type }: LetterFilter) =>
  type !== undefined
    ? deadSubject({ consumer, type })
    : consumer !== undefined
    ? deadSubjects(consumer)
    : allDeadSubjects

/** Whether the subject alone does not decide which letters fit. */
export const readsLetters = ({ error, since, until }: LetterFilter) =>
  error !== undefined || since !== undefined || until !== undefined

/** Whether a letter fits everything that is given. */
export const fits = (letter: DeadLetter, { consumer, error, since, type, until }: LetterFilter) =>
  (consumer === undefined || letter.consumer === consumer)
  && (type === undefined || letter.type === type)
  && (error === undefined || letter.error.toLowerCase().includes(error.toLowerCase()))
  && (since === undefined || Date.parse(letter.lastFailedAt) >= millisOf(since))
  && (until === undefined || Date.parse(letter.lastFailedAt) < millisOf(until))

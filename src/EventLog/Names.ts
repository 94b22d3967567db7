import { createHash } from "node:crypto"

/** The stream that holds every accepted event. */
export const stream = "3QPR_EVENTS"

export { eventSubject, eventSubjects, typeOf } from "../Domain/EventSubject.ts"

/** The subject of quarantined input with this reason. */
export const quarantineSubject = (reason: string) => `3qpr.quarantine.${reason}`

/** The subjects of all quarantined input. */
export const quarantineSubjects = "3qpr.quarantine.>"

/** The subject of the log's own probes. They are deleted as soon as they are acknowledged, and never read. */
export const probeSubject = quarantineSubject("probe")

/** The stream of dead letters: events that a consumer could not handle, with the error. */
export const deadLetterStream = "3QPR_DEAD_LETTERS"

/** The work queue of redrives. Each request is for one consumer and is removed when that consumer has settled it. */
export const redriveStream = "3QPR_REDRIVES"

/** The record of operations on dead letters and quarantined entries. */
export const operationStream = "3QPR_OPERATIONS"

/** The stream of the hashes of erased ids, which receivers read. It exists once an event has been erased. */
export const erasedStream = "3QPR_ERASED"

/** The subjects of all hashes of erased ids. */
export const erasedSubjects = "3qpr.erased.>"

/** The subject of an erased id: the SHA-256 of the id in hexadecimal. */
export const erasedSubject = (hash: string) => `3qpr.erased.${hash}`

/** The id that stands for a body which has none. */
export const bodyId = (body: Uint8Array) => `sha256:${createHash("sha256").update(body).digest("hex")}`

/** The subjects of all dead letters. */
export const allDeadSubjects = "3qpr.dead.>"

/** The parts of a dead letter's subject. An undefined part becomes a wildcard. */
export interface DeadLetterKey {
  readonly consumer?: string | undefined
  /** Sequence of the event in the event log. */
  readonly sequence?: number | undefined
  readonly eventId?: string | undefined
  readonly type?: string | undefined
}

/**
 * The subject of a dead letter, or of all dead letters with the given parts. Each event has its own subject, so the
 * broker finds its letter without reading others. The type is last, because it has several tokens.
 */
export const deadSubject = ({ consumer = "*", eventId, sequence, type }: DeadLetterKey) =>
  `3qpr.dead.${consumer}.${sequence ?? "*"}.${eventId === undefined ? "*" : tokenOf(eventId)}.${
    type === undefined ? ">" : isSubject.test(type) ? type : "unknown"
  }`

/** The subject that earlier versions used for a consumer's dead letters of a type. */
export const earlierDeadSubject = (consumer: string, type: string) =>
  `3qpr.dead.${consumer}.${isSubject.test(type) ? type : "unknown"}`

/** The subjects of all dead letters of a consumer, including those of earlier versions. */
export const deadSubjects = (consumer: string) => `3qpr.dead.${consumer}.>`

const isSubject = /^[^\s.*>]+(\.[^\s.*>]+)*$/

/** An id as one token of a subject: unchanged if it is a valid token, otherwise its hash. */
const tokenOf = (id: string) =>
  /^[\w:-]{1,80}$/.test(id) ? id : `sha256-${createHash("sha256").update(id).digest("hex")}`

/** The subjects of all redrive requests. */
export const redriveSubjects = "3qpr.redrive.>"

/** The subject of a consumer's redrive requests of an operation. `*` matches all consumers or operations. */
export const redriveSubject = (consumer: string, operation: string) => `3qpr.redrive.${consumer}.${operation}`

/** The subjects of all records of operations. */
export const operationSubjects = "3qpr.operations.>"

/** The subject of an operation's records. `what` is `started`, `planned`, `extended`, `cancelled` or a result. */
export const operationSubject = (operation: string, what: string) => `3qpr.operations.${operation}.${what}`

/** The operation that a subject names. */
export const operationOf = (subject: string) => subject.split(".")[2] ?? ""

/** Every subject of this program. A stream can have it instead of the single subjects. */
export const allSubjects = "3qpr.>"

/** Requests the counters of every process. No stream stores it. */
export const countersSubject = "3qpr.counters"

/** Requests the rejections and secret fingerprints of every ingress. No stream stores it. */
export const rejectionsSubject = "3qpr.rejections"

/** The JetStream KV bucket of all ordered groups. */
export const groupBucket = "3QPR_GROUPS"

/** The stream of that bucket. */
export const groupStream = `KV_${groupBucket}`

/** The subject of a key of the bucket. `>` matches all keys. */
export const groupSubject = (key: string) => `$KV.${groupBucket}.${key}`

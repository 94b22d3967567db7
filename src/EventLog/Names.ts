import { createHash } from "node:crypto"

/** The stream that holds every accepted event. */
export const stream = "3QPR_EVENTS"

export { eventSubject, eventSubjects, typeOf } from "../Domain/EventSubject.ts"

/** The subject under which authentic but unusable input is kept. */
export const quarantineSubject = (reason: string) => `3qpr.quarantine.${reason}`

/** What is authentic and no event that we can use. */
export const quarantineSubjects = "3qpr.quarantine.>"

/** Where the log's own probes go; they are deleted as soon as they are acknowledged, and never read. */
export const probeSubject = quarantineSubject("probe")

/** The stream that keeps poison events aside, with the error that made them so. */
export const deadLetterStream = "3QPR_DEAD_LETTERS"

/** The work queue of redrives: each request is for one consumer, and gone when that has settled it. */
export const redriveStream = "3QPR_REDRIVES"

/** The record of what operators did with dead letters and quarantined entries. */
export const operationStream = "3QPR_OPERATIONS"

/** All dead letters. */
export const allDeadSubjects = "3qpr.dead.>"

/** What the subject of a dead letter says. What is undefined becomes a wildcard. */
export interface DeadLetterKey {
  readonly consumer?: string | undefined
  /** Of the event in the event log. */
  readonly sequence?: number | undefined
  readonly eventId?: string | undefined
  readonly type?: string | undefined
}

/**
 * The subject of a dead letter, or of all dead letters with the given parts. Each event has a subject of its own, so the
 * broker finds its letter without reading others. The type is last, because it has several tokens.
 */
export const deadSubject = ({ consumer = "*", eventId, sequence, type }: DeadLetterKey) =>
  `3qpr.dead.${consumer}.${sequence ?? "*"}.${eventId === undefined ? "*" : tokenOf(eventId)}.${
    type === undefined ? ">" : isSubject.test(type) ? type : "unknown"
  }`

/** The subject of a consumer's dead letters of a type in earlier versions. */
export const earlierDeadSubject = (consumer: string, type: string) =>
  `3qpr.dead.${consumer}.${isSubject.test(type) ? type : "unknown"}`

/** The subjects of all dead letters of a consumer, also of earlier versions. */
export const deadSubjects = (consumer: string) => `3qpr.dead.${consumer}.>`

const isSubject = /^[^\s.*>]+(\.[^\s.*>]+)*$/

/** An id as one token of a subject: as it is when it can be one, otherwise its hash. */
const tokenOf = (id: string) =>
  /^[\w:-]{1,80}$/.test(id) ? id : `sha256-${createHash("sha256").update(id).digest("hex")}`

/** All requests to redrive. */
export const redriveSubjects = "3qpr.redrive.>"

/** The subject of a consumer's requests of an operation; `*` stands for all of them. */
export const redriveSubject = (consumer: string, operation: string) => `3qpr.redrive.${consumer}.${operation}`

/** All records of operations. */
export const operationSubjects = "3qpr.operations.>"

/** The subject of an operation's records: `started`, `planned`, `extended`, `cancelled` or a result. */
export const operationSubject = (operation: string, what: string) => `3qpr.operations.${operation}.${what}`

/** The operation that a subject names. */
export const operationOf = (subject: string) => subject.split(".")[2] ?? ""

/** Every subject of this program. A stream can have it in place of single ones. */
export const allSubjects = "3qpr.>"

/** Asks every process for its counters; no stream takes it. */
export const countersSubject = "3qpr.counters"

/** Asks every ingress for the requests that it refused and the secrets that it uses; no stream takes it. */
export const rejectionsSubject = "3qpr.rejections"

/** The JetStream KV bucket of all ordered groups. */
export const groupBucket = "3QPR_GROUPS"

/** The stream under the bucket. */
export const groupStream = `KV_${groupBucket}`

/** The subject of a key of the bucket; `>` stands for all of them. */
export const groupSubject = (key: string) => `$KV.${groupBucket}.${key}`

import { Cause, Exit, Predicate } from "effect"
import { isSqlError } from "effect/sql/SqlError"

/**
 * Whether trying again later can help, given an error or a whole `Cause` or `Exit` (a commit that fails can
 * be a defect). True for what the database's state did: connections, deadlocks, timeouts, resources, a
 * failed log-in, a read-only standby. False for what the statement and its data did, which is the same next
 * time. False also for an error that has nothing to do with the database. When a cause holds both, true: the
 * next attempt shows the one that stays.
 */
export const isTransient = (failure: unknown): boolean => {
  if (Exit.isExit(failure)) return Exit.isFailure(failure) && isTransient(failure.cause)
  if (Cause.isCause(failure)) return failure.reasons.some(isTransientReason)
  if (isSqlError(failure)) return failure.reason.operation === "connect" || isTransient(failure.reason)
  return Cause.isTimeoutError(failure)
    || Predicate.isTagged(failure, "ConnectionError")
    || (Predicate.hasProperty(failure, "code") && isTransientCode(failure.code))
    || (Predicate.hasProperty(failure, "cause") && isTransient(failure.cause))
}

/**
 * Whether an event's own data caused a failure, so that a retry fails too. Of the errors that the database reports, only
 * those about data, constraints and limits of a statement count. A prepared statement that a pooler lost, a missing table
 * and an internal error do not. Any failure that has nothing to do with the database, such as a defect of `apply`,
 * is the event's.
 */
export const isCausedByData = (failure: Cause.Cause<unknown>): boolean =>
  !isTransient(failure) && failure.reasons.every((reason) => {
    const error = Cause.isFailReason(reason)
      ? reason.error
      : Cause.isDieReason(reason)
      ? reason.defect
      : undefined
    const code = sqlStateOf(error)
    return code === undefined ? !isFromDatabase(error) : dataErrors.test(code)
  })

/** Of PostgreSQL's appendix A: data exception, integrity constraint violation, program limit exceeded. */
const dataErrors = /^(22|23|54)/

const isFromDatabase = (error: unknown): boolean =>
  isSqlError(error) || (Predicate.hasProperty(error, "cause") && isFromDatabase(error.cause))

/** The SQLSTATE of the server's error that a failure holds. */
const sqlStateOf = (error: unknown): string | undefined => {
  if (isSqlError(error)) return sqlStateOf(error.reason)
  if (
    Predicate.hasProperty(error, "code") && Predicate.isString(error.code) && /^[0-9A-Z]{5}$/.test(error.code)
  ) {
    return error.code
  }
  return Predicate.hasProperty(error, "cause") ? sqlStateOf(error.cause) : undefined
}

/**
 * Whether the tables or rights are not what our SQL expects. An operator has to repair that: a dropped table, a missing
 * grant, a failed deployment.
 */
export const needsOperator = (failure: unknown): boolean => {
  if (Cause.isCause(failure)) {
    return failure.reasons.some((reason) =>
      !Cause.isInterruptReason(reason) &&
      needsOperator(Cause.isFailReason(reason) ? reason.error : reason.defect)
    )
  }
  if (isSqlError(failure)) return needsOperator(failure.reason)
  return (Predicate.hasProperty(failure, "code") && Predicate.isString(failure.code)
    && operatorClasses.has(failure.code.slice(0, 2)))
    || (Predicate.hasProperty(failure, "cause") && needsOperator(failure.cause))
}

/** Classes of SQLSTATE: invalid catalog name, invalid schema name, syntax error or access rule violation. */
const operatorClasses = new Set(["3D", "3F", "42"])

/** Whether a view or table cannot take the columns of its replacement. */
export const isOtherDefinition = (failure: unknown): boolean => sqlStateOf(failure) === "42P16"

const isTransientReason = (reason: Cause.Reason<unknown>) =>
  Cause.isInterruptReason(reason) || isTransient(Cause.isFailReason(reason) ? reason.error : reason.defect)

const isTransientCode = (code: unknown) =>
  Predicate.isString(code)
  && (systemCall.test(code) || transientCodes.has(code) || transientClasses.has(code.slice(0, 2)))

/** Of Node's socket errors, such as ECONNRESET; Postgres has no SQLSTATE of that form. */
const systemCall = /^E[A-Z]+$/

/** Of PostgreSQL's "Appendix A. PostgreSQL Error Codes"; every class that is not named here is permanent. */
const transientClasses = new Set([
  "08", // connection exception
  "28", // invalid authorization: a password that is being changed
  "53", // insufficient resources
  "57", // operator intervention: cancelled, timed out, shut down
  "58" // system error: input and output
])

const transientCodes = new Set([
  "25006", // read-only transaction: a standby, until it is promoted
  "25P02", // failed transaction: the client retried a stale prepared statement in it, and forgot it by now
  "25P03", // idle in transaction for too long
  "25P04", // transaction timeout
  "26000", // a pooler gave the next statement to another session, which lacks the prepared one
  "40001", // serialization failure
  "40P01", // deadlock
  "55P03" // lock not available
])

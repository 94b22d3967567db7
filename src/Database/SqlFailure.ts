import { Cause, Exit, Predicate } from "effect"
import { isSqlError } from "effect/sql/SqlError"

/**
 * Whether a later retry can succeed. Accepts an error, a `Cause` or an `Exit`, because a failed commit can be a
 * defect. True for failures caused by the state of the database: connections, deadlocks, time-outs, resources, a
 * failed log-in, a read-only standby. False for failures caused by the statement or its data, because they recur.
 * False also for errors unrelated to the database. If a cause has both kinds, the result is true: the next attempt
 * shows the permanent one.
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
 * Whether an event's own data caused a failure, so that a retry fails too. Of the database's errors, only those about
 * data, constraints and program limits count. A prepared statement that a pooler lost, a missing table and an
 * internal error do not count. A failure unrelated to the database, such as a defect of `apply`, is attributed to the
 * event.
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

/**
 * SQLSTATE classes of PostgreSQL's appendix A: data exception, integrity constraint violation, program limit
 * exceeded.
 */
const dataErrors = /^(22|23|54)/

const isFromDatabase = (error: unknown): boolean =>
  isSqlError(error) || (Predicate.hasProperty(error, "cause") && isFromDatabase(error.cause))

/** The SQLSTATE of the server's error in a failure. */
export const sqlStateOf = (error: unknown): string | undefined => {
  if (isSqlError(error)) return sqlStateOf(error.reason)
  if (
    Predicate.hasProperty(error, "code") && Predicate.isString(error.code) && /^[0-9A-Z]{5}$/.test(error.code)
  ) {
    return error.code
  }
  return Predicate.hasProperty(error, "cause") ? sqlStateOf(error.cause) : undefined
}

/**
 * Whether the tables or permissions differ from what our SQL expects. An operator must repair the cause: a dropped
 * table, a missing grant, a failed deployment.
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

/** SQLSTATE classes: invalid catalog name, invalid schema name, syntax error or access rule violation. */
const operatorClasses = new Set(["3D", "3F", "42"])

/** Whether a table or view cannot be dropped because other objects depend on it. */
export const isDependedOn = (failure: unknown): boolean => sqlStateOf(failure) === "2BP01"

/**
 * Whether the database answers, and another session prevents a statement from being executed: it holds a lock, or the
 * statement takes too long.
 */
export const isBlocked = (failure: unknown): boolean => blockedCodes.has(sqlStateOf(failure) ?? "")

/** SQLSTATE: lock not available, query cancelled by a time-out, deadlock, serialization failure. */
const blockedCodes = new Set(["55P03", "57014", "40P01", "40001"])

const isTransientReason = (reason: Cause.Reason<unknown>) =>
  Cause.isInterruptReason(reason) || isTransient(Cause.isFailReason(reason) ? reason.error : reason.defect)

const isTransientCode = (code: unknown) =>
  Predicate.isString(code)
  && (systemCall.test(code) || transientCodes.has(code) || transientClasses.has(code.slice(0, 2)))

/** Codes of Node's system errors, such as ECONNRESET. No SQLSTATE has this form. */
const systemCall = /^E[A-Z]+$/

/** SQLSTATE classes of PostgreSQL's "Appendix A. PostgreSQL Error Codes". All other classes are permanent. */
const transientClasses = new Set([
  "08", // connection exception
  "28", // invalid authorization: a password that is being changed
  "53", // insufficient resources
  "57", // operator intervention: cancelled, timed out, shut down
  "58" // system error: input and output
])

const transientCodes = new Set([
  "25006", // read-only transaction: a standby, until it is promoted
  "25P02", // failed transaction: the client retried a stale prepared statement in it, and has discarded it since
  "25P03", // idle in transaction for too long
  "25P04", // transaction timeout
  "26000", // a pooler sent the statement to another session, which lacks the prepared statement
  "40001", // serialization failure
  "40P01", // deadlock
  "55P03" // lock not available
])

import { NatsError } from "nats"

/** JetStream's error codes. Source: `server/errors.json` of nats-server. */
export const JetStreamCode = {
  accountResourcesExceeded: 10002,
  noSuitablePeers: 10005,
  temporarilyUnavailable: 10008,
  clusterNotAvailable: 10009,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  maximumConsumers: 10026,
  maximumStreams: 10027,
  memoryExceeded: 10028,
  noMessageFound: 10037,
  notEnabledForAccount: 10039,
  storageExceeded: 10047,
  messageTooLarge: 10054,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  replicasNotSupported: 10074,
  notEnabled: 10076,
  storeFailed: 10077,
  maxBytesRequired: 10113,
  maxAckPendingExceeded: 10121,
  maxStreamBytesExceeded: 10122
} as const

/** The code of a JetStream error. Undefined for any other error. */
export const codeOf = (error: unknown) => error instanceof NatsError ? error.api_error?.err_code : undefined

/** For `catch` of a request: returns undefined if JetStream replies with this code, and rethrows any other error. */
export const unless = (code: number) => (error: unknown): undefined => {
  if (codeOf(error) === code) return undefined
  throw error
}

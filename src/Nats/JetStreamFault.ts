import { ErrorCode, NatsError } from "nats"
import { codeOf, JetStreamCode } from "./JetStreamCode.ts"

/** Adds the remedy to the message of an error with a known code. It changes the error object itself. */
export const explain = (error: unknown, serverHasJetStream: boolean): unknown => {
  if (!(error instanceof NatsError)) return error
  const code = codeOf(error)
  if (code === undefined && error.code === ErrorCode.NoResponders) {
    error.message = serverHasJetStream ? notForAccount : withoutJetStream
  } else {
    const remedy = remedies[code ?? 0]
    if (remedy !== undefined) error.message = `${error.message}. ${remedy}`
  }
  return error
}

const withoutJetStream =
  "the broker runs without JetStream. Start nats-server with -js, or with `jetstream {}` in its "
  + "configuration, and name its folder with -sd"

const notForAccount =
  "this NATS account has no JetStream. Enable it (`jetstream: enabled` in the account), or use a user "
  + "of another account"

const noRoom =
  "Give the broker's JetStream more space (max_file, or the account's limit), or lower STREAM_MAX_BYTES"

const remedies: Readonly<Record<number, string>> = {
  [JetStreamCode.accountResourcesExceeded]: noRoom,
  [JetStreamCode.insufficientResources]: noRoom,
  [JetStreamCode.maximumConsumers]:
    "Raise max_consumers of the account, or delete consumers that no process uses",
  [JetStreamCode.maximumStreams]:
    "Raise max_streams of the account: four streams are required, one more for ordered groups, and one for erased ids",
  [JetStreamCode.memoryExceeded]: noRoom,
  [JetStreamCode.notEnabledForAccount]: notForAccount,
  [JetStreamCode.storageExceeded]: noRoom,
  [JetStreamCode.replicasNotSupported]: "Lower STREAM_REPLICAS, or add servers to the cluster",
  [JetStreamCode.notEnabled]: withoutJetStream,
  [JetStreamCode.maxBytesRequired]: "Set STREAM_MAX_BYTES, such as 1073741824",
  [JetStreamCode.maxAckPendingExceeded]: "Set MAX_ACK_PENDING to that limit or less",
  [JetStreamCode.maxStreamBytesExceeded]: "Set STREAM_MAX_BYTES to max_stream_bytes of the account or less"
}

import { ErrorCode, NatsError } from "nats"

/** Says in the error's message what to do about it, where its code tells. The error stays the same object. */
export const explain = (error: unknown, serverHasJetStream: boolean): unknown => {
  if (!(error instanceof NatsError)) return error
  const code = error.api_error?.err_code
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
  "this NATS account has no JetStream. Enable it (`jetstream: enabled` of the account), or use a user "
  + "of another account"

const noRoom =
  "Give the broker's JetStream more room (max_file, or the account's limit), or lower STREAM_MAX_BYTES"

// The codes stand in server/errors.json of nats-server.
const remedies: Readonly<Record<number, string>> = {
  10002: noRoom,
  10023: noRoom,
  10026: "Raise max_consumers of the account, or delete consumers that no process uses",
  10027: "Raise max_streams of the account: four are needed, and a fifth for ordered groups",
  10028: noRoom,
  10039: notForAccount,
  10047: noRoom,
  10074: "Lower STREAM_REPLICAS, or add servers to the cluster",
  10076: withoutJetStream,
  10113: "Set STREAM_MAX_BYTES, such as 1073741824",
  10121: "Set MAX_ACK_PENDING to that or less",
  10122: "Set STREAM_MAX_BYTES to max_stream_bytes of the account or less"
}

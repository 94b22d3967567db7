/** The facts that decide which failures a stored event survives. */
export interface StorageFacts {
  readonly serverVersion: string
  /** Undefined for an external broker, because no API reports its `sync_interval`. */
  readonly syncsBeforeAck: boolean | undefined
  readonly replicas: number
}

/** The failures that a stored event survives, in one sentence for the operator. It claims only what is known. */
export const durabilityOf = ({ serverVersion, syncsBeforeAck, replicas }: StorageFacts): string => {
  const broker = `nats-server ${serverVersion}, ${replicas} ${replicas === 1 ? "replica" : "replicas"}`
  const isTrusted = keepsReplicas(serverVersion)
  const lostNodes = isTrusted ? Math.floor((replicas - 1) / 2) : 0
  const survived = [
    "a killed process",
    ...(syncsBeforeAck === true ? ["a power cut"] : []),
    ...(lostNodes > 0 ? [`the loss of ${lostNodes} ${lostNodes === 1 ? "node" : "nodes"}`] : [])
  ].join(" and ")
  return `An event answered 200 survives ${survived} (${broker}, file storage; ${syncNote(syncsBeforeAck)}${
    replicas > 1 && !isTrusted
      ? "; a cluster of this version can lose events when a node fails: use a newer version"
      : ""
  })`
}

/**
 * In our tests, three servers of 2.9.10 lost acknowledged events when one was killed or disconnected. 2.14.5 lost
 * none.
 */
const keepsReplicas = (serverVersion: string) => !serverVersion.startsWith("2.9.")

const syncNote = (syncsBeforeAck: boolean | undefined) => {
  if (syncsBeforeAck === true) return "synced to disk before the answer"
  return syncsBeforeAck === false
    ? "this version cannot sync before it acknowledges, so a power cut can lose the last two minutes"
    : "`sync_interval` of the broker decides whether it syncs before it acknowledges; clients cannot read it"
}

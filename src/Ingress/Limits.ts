/** From a request's headers to its answer, in milliseconds: 3QPR gives up after 5 seconds. */
export const deadline = 4_000

/** What all bodies that are still coming may hold together, in bytes; at least two of the largest. */
export const mostUnread = (maxBodyBytes: number) => Math.max(33_554_432, 2 * maxBodyBytes)

/** The largest body when no other limit is set, in bytes. */
export const defaultBodyBytes = 1_048_576

/** Whether a body is not what its bytes say: nothing is inflated here. */
export const isEncoded = (contentEncoding: string | null | undefined): boolean =>
  Boolean(contentEncoding) && contentEncoding?.toLowerCase() !== "identity"

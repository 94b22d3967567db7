/** Maximum time from a request's headers to its response, in milliseconds. 3QPR gives up after 5 seconds. */
export const deadline = 4_000

/** Maximum memory of all bodies that are still being received, in bytes. At least two of the largest bodies fit. */
export const mostUnread = (maxBodyBytes: number) => Math.max(33_554_432, 2 * maxBodyBytes)

/** Maximum size of a body if no other limit is set, in bytes. */
export const defaultBodyBytes = 1_048_576

/**
 * Whether a body has a content encoding such as gzip. Such bodies are refused, because this program does not
 * decompress.
 */
export const isEncoded = (contentEncoding: string | null | undefined): boolean =>
  Boolean(contentEncoding) && contentEncoding?.toLowerCase() !== "identity"

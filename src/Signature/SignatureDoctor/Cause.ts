/** A known cause of a signature mismatch, with its explanation and remedy. */
export interface Cause {
  readonly cause: string
  readonly explanation: string
  readonly remedy: string
}

/** Bytes that may have been signed, or used as the key, and the causes that would explain it. */
export interface Variant {
  readonly bytes: Uint8Array
  /** Empty for the received bytes themselves. */
  readonly causes: ReadonlyArray<Cause>
}

/** The remedy that prevents most changes in transit. */
export const passRaw = "Configure every proxy between 3QPR and this receiver to pass on the raw bytes"

/** A known cause of a signature that does not fit: what happened, and what to do about it. */
export interface Cause {
  readonly cause: string
  readonly explanation: string
  readonly remedy: string
}

/** Something that was perhaps signed, or signed with, and what must have happened if it was. */
export interface Variant {
  readonly bytes: Uint8Array
  /** None for what we have as it is. */
  readonly causes: ReadonlyArray<Cause>
}

/** What avoids most changes on the way. */
export const passRaw = "Make everything between 3QPR and here pass the raw bytes on"

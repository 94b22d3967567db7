/** Remedy when the log ends before the last event that a consumer has read. */
export const olderLogRemedy =
  "Nothing begins. Bring the newer log back. Or give the consumer another name that begins with `from`: "
  + "{ time } of the moment of the copy, or \"all\" for another stream"

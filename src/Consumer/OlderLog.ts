/** What to do when the log is behind what a consumer has read of it. */
export const olderLogRemedy =
  "Nothing begins. Bring the newer log back. Or give the consumer another name that begins with `from`: "
  + "{ time } of the moment of the copy, or \"all\" for another stream"

/** Remedy when the log ends before the last event that a consumer has read. */
export const olderLogRemedy =
  "The consumer handles no event. Restore the newer log. Or use another consumer name, and set `from` to "
  + "{ time } with the time of the copy, or to \"all\" for another stream"

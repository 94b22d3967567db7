/**
 * Decides how many partitions a member keeps and which free ones it claims. Members that read the same state reach
 * the same result. Each member gets the same number of partitions, or one more, and as few as possible change their
 * owner.
 */
export const assignPartitions = (
  /** The number of partitions of each live member. */
  counts: ReadonlyMap<string, number>,
  free: ReadonlyArray<number>,
  partitions: number,
  member: string
): { readonly keep: number; readonly claim: ReadonlyArray<number> } => {
  const share = Math.floor(partitions / counts.size)
  // The members that have the most partitions get one more.
  const larger = partitions % counts.size
  const ranked = [...counts].sort(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1))
  let taken = 0
  for (const [rank, [id, count]] of ranked.entries()) {
    const keep = rank < larger ? share + 1 : share
    const wants = Math.max(0, keep - count)
    if (id === member) return { keep, claim: free.slice(taken, taken + wants) }
    taken += wants
  }
  return { keep: 0, claim: [] }
}

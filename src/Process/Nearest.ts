/** The known name that a misspelt one probably means, if few enough letters differ. */
export const nearestOf = (
  name: string,
  known: ReadonlyArray<string>,
  tolerance: (known: string) => number = aThird
): string | undefined =>
  // Skip a name whose length alone differs too much, because computing the distance is expensive.
  known.filter((known) => Math.abs(known.length - name.length) <= tolerance(known))
    .map((known) => ({ known, letters: distance(name, known) }))
    .filter(({ known, letters }) => letters <= tolerance(known))
    .toSorted((one, other) => one.letters - other.letters)[0]?.known

const aThird = (known: string) => Math.ceil(known.length / 3)

/** The number of letters that were left out, added, changed, or swapped with the next one. */
const distance = (one: string, other: string): number => {
  let before: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row++) {
    const next = [row]
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1]
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2]
        && one[row - 2] === other[column - 1]
      next.push(Math.min(
        (next[column - 1] ?? 0) + 1,
        (last[column] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Infinity
      ))
    }
    before = last
    last = next
  }
  return last[other.length] ?? 0
}

import type { UnusableExample } from "../../Domain/Reconciliation.ts"
import type { Counts } from "./Registry.ts"

/** Maximum number of repaired scans kept as examples, and of scans that are still missing. */
const mostExamples = 100

/** Maximum number of unusable scans kept as examples. */
const mostUnusable = 20

/** Counts the results of one pass. A scan without an event in the log is missing, also when the pass repairs it. */
export class Tally {
  readonly counts = {
    seen: 0,
    missing: 0,
    appended: 0,
    dead_lettered: 0,
    unusable: 0,
    repaired_examples: new Array<string>(),
    still_missing_examples: new Array<string>(),
    unusable_examples: new Array<UnusableExample>()
  } satisfies Counts

  seen(scans: number, deadLettered: number) {
    this.counts.seen += scans
    this.counts.dead_lettered += deadLettered
  }

  repaired(scan: string) {
    this.counts.appended++
    this.#missing(scan, this.counts.repaired_examples)
  }

  stillMissing(scan: string | null) {
    this.#missing(scan, this.counts.still_missing_examples)
  }

  /** Counts a scan that is still missing because it cannot become an event. */
  unusable({ id, reason }: UnusableExample) {
    this.stillMissing(id)
    this.counts.unusable++
    if (this.counts.unusable_examples.length < mostUnusable) {
      this.counts.unusable_examples.push({ id, reason })
    }
  }

  #missing(scan: string | null, examples: Array<string>) {
    this.counts.missing++
    if (scan !== null && examples.length < mostExamples) examples.push(scan)
  }
}

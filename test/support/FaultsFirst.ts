import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Starts the fault tests first. They take the longest, and a long file that starts last leaves a core idle. */
export class FaultsFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const sorted = await super.sort(files)
    const isOfFaults = ({ moduleId }: TestSpecification) => moduleId.includes("/e2e/Faults/")
    return [...sorted.filter(isOfFaults), ...sorted.filter((file) => !isOfFaults(file))]
  }
}

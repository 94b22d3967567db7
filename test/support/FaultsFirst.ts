import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Starts the files of faults first. They take minutes, and the last file of a run has a core to itself. */
export class FaultsFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const sorted = await super.sort(files)
    const isOfFaults = ({ moduleId }: TestSpecification) => moduleId.includes("/e2e/Faults/")
    return [...sorted.filter(isOfFaults), ...sorted.filter((file) => !isOfFaults(file))]
  }
}

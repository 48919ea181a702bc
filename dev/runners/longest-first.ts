import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Random histories take minutes: started last, they would keep one of two workers alone. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const long = ({ moduleId }: TestSpecification) => moduleId.endsWith('histories.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter(long), ...sorted.filter((file) => !long(file))]
  }
}

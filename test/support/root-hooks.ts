/** Started services are stopped at the end of the run; see test/support/machine.ts. */
import { stopServices } from './machine.ts'

export const mochaHooks = {
  async afterAll() {
    await stopServices()
  },
}

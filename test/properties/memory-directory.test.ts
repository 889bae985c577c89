import { secondFactorDirectoryContract } from '../contracts/second-factor-directory.ts'
import { memoryDirectory } from './memory-directory.ts'

secondFactorDirectoryContract('the directory in memory that the property test walks on', async () => {
  const directory = memoryDirectory()
  return [directory, directory]
})

import type { Config } from '../config/schema.ts'
import type { Directory } from '../directory/directory.ts'
import type { Factor } from '../factors/factor.ts'
import { hardwareTokens } from '../factors/hardware-token/hardware-token.ts'

/** Hardware tokens of the directory's inventory. */
export const tokenFactor = (
  { selfService }: Config['tokens'],
  directory: Pick<Directory, 'tokens' | 'tokenBySerial' | 'assignToken'>,
): Factor =>
  hardwareTokens({
    inventory: {
      // As it is, or as tokens have it printed on them.
      find: async (serial) =>
        (await directory.tokenBySerial(serial)) ??
        (await directory.tokenBySerial(serial.toUpperCase())) ??
        directory.tokenBySerial(serial.toLowerCase()),
      async claim(serial, accountId) {
        await directory.assignToken(serial, null, accountId)
      },
      ofAccount: (accountId) => directory.tokens(accountId),
    },
    selfService,
  })

import { z } from 'zod'
import { createTrail } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import { randomId, systemRandom } from '../crypto/random.ts'
import { canonicalName } from '../directory/name.ts'
import { DuepassiError } from '../errors.ts'
import { checkedGroups } from './account-groups.ts'
import { checkedMinimum } from './account-minimum.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'
import { hashPassword, withDirectory } from './parts.ts'
import { readNewPassword } from './password.ts'
import { policyOf } from './policy-settings.ts'

export interface NewAccount {
  email?: string
  name?: string
  locale?: string
  group: string[]
  minimumAcr?: string
  passwordStdin: boolean
}

const isLocale = (tag: string): boolean => {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

const unprintable = /\p{Cc}/u

/** @throws Refusal for a name that nobody could read, or a language that is none. */
export const checkPersonalNames = ({ name, locale }: { name?: string; locale?: string }): void => {
  if (name !== undefined && (name.trim() === '' || unprintable.test(name)))
    throw new Refusal('The name is empty or not printable.')
  if (locale !== undefined && !isLocale(locale))
    throw new Refusal('The locale is not a language tag such as `it` or `en-GB`.')
}

const checkNames = (username: string, options: NewAccount): void => {
  const { email } = options
  if (canonicalName(username) === '' || username.length > 128 || unprintable.test(username)) {
    throw new Refusal('The user name must have 1 to 128 printable characters.')
  }
  if (email !== undefined && !z.email().safeParse(email).success)
    throw new Refusal('The --email is not an e-mail address.')
  checkPersonalNames(options)
}

/** Creates an account and prints its id. */
export const createAccount = async (
  io: Io,
  username: string,
  options: NewAccount & CommonOptions,
): Promise<void> => {
  const config = configurationOf(io, options)
  checkNames(username, options)
  const groups = checkedGroups(options.group)
  const { minimumAcr } = options
  const minimum =
    minimumAcr === undefined
      ? null
      : await checkedMinimum((await policyOf(io, config)).settings, minimumAcr, groups)
  const password = await readNewPassword(io, config, options.passwordStdin)
  const id = randomId(systemRandom)
  const account = {
    id,
    username,
    email: options.email ?? null,
    name: options.name ?? username,
    passwordHash: await hashPassword(password),
    passwordDue: null,
    locale: options.locale ?? null,
    claims: {},
    groups,
    minimum,
    disabledAt: null,
    createdAt: systemClock.now(),
  }
  await withDirectory(io, config, async (directory) => {
    try {
      await directory.addAccount(account)
    } catch (error) {
      if (error instanceof DuepassiError && error.code === 'account_exists') {
        throw new Refusal(
          'The user name or the e-mail address belongs to an account already. Choose another.',
        )
      }
      throw error
    }
    await createTrail({ directory, clock: systemClock, random: systemRandom })('account.created', {
      accountId: id,
    })
  })
  print(io, id)
}

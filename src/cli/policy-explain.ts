import type { Command } from 'commander'
import { canonicalAddress } from '../context/address.ts'
import { collect } from './collect.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { explainSituation } from './explanation.ts'
import { explanationInWords } from './explanation-text.ts'
import { type Io, print, Refusal } from './io.ts'
import { withDirectory } from './parts.ts'
import { policyOf } from './policy-settings.ts'
import { aloneProvable, provable } from './proven.ts'
import { type Asked, gatherSituation } from './situation.ts'

interface ExplainOptions extends CommonOptions {
  account: string
  client: string
  from?: string
  userAgent?: string
  acrValues?: string
  essentialAcr?: string
  prompt?: string
  maxAge?: string
  newDevice: boolean
  trustedDevice: boolean
  failures: string
  proven: string[]
  json: boolean
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

const prompts = ['login', 'second_factor', 'consent', 'none', 'select_account']

const wholeNumber = (option: string, text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(`The ${option} is a whole number, such as 300.`)
  return Number(text)
}

const requestOf = ({ acrValues, essentialAcr, prompt, maxAge }: ExplainOptions): Asked['request'] => {
  const wrong = words(prompt ?? '').find((one) => !prompts.includes(one))
  if (wrong !== undefined)
    throw new Refusal(`There is no --prompt ${wrong}; there are ${prompts.join(', ')}.`)
  const essential = essentialAcr === undefined ? undefined : words(essentialAcr)
  if (essential?.length === 0) throw new Refusal('The --essential-acr names no value.')
  return {
    ...(acrValues !== undefined && { acr_values: words(acrValues).join(' ') }),
    ...(essential && { claims: { id_token: { acr: { essential: true, values: essential } } } }),
    ...(prompt !== undefined && { prompt: words(prompt).join(' ') }),
    ...(maxAge !== undefined && { max_age: wholeNumber('--max-age', maxAge) }),
  }
}

const provenOf = ({ proven }: ExplainOptions): string[] | undefined => {
  const unknown = proven.find((name) => !provable.includes(name))
  if (unknown !== undefined)
    throw new Refusal(`There is no --proven ${unknown}; there are ${provable.join(', ')}.`)
  if (proven.length === 0) return undefined
  if (!['password', ...aloneProvable].some((name) => proven.includes(name)))
    throw new Refusal(
      `A sign-in begins with --proven password, or with ${aloneProvable.join(' or ')} as a passkey alone.`,
    )
  return [...new Set(proven)]
}

/** @throws Refusal for options that say nothing, or opposites */
const askedBy = (options: ExplainOptions): Asked => {
  const { account, client, from, userAgent, newDevice, trustedDevice, failures } = options
  const address = from === undefined ? null : canonicalAddress(from)
  if (from !== undefined && address === null)
    throw new Refusal('The --from is not an address such as 203.0.113.9 or 2001:db8::1.')
  if (newDevice && trustedDevice)
    throw new Refusal('A browser that is trusted is no new one: give --new-device or --trusted-device.')
  return {
    account,
    client,
    address,
    userAgent,
    newDevice,
    trustedDevice,
    failures: wholeNumber('--failures', failures),
    request: requestOf(options),
    proven: provenOf(options),
  }
}

const explainPolicy = async (io: Io, options: ExplainOptions): Promise<void> => {
  const config = configurationOf(io, options)
  const asked = askedBy(options)
  const policy = await policyOf(io, config)
  const situation = await withDirectory(io, config, (directory) =>
    gatherSituation(config, policy, directory, asked),
  )
  const explanation = explainSituation(situation)
  print(io, options.json ? JSON.stringify(explanation, null, 2) : explanationInWords(explanation))
}

export const addPolicyCommands = (program: Command, io: Io): void => {
  program
    .command('policy')
    .description('what is asked of whom, and why')
    .command('explain')
    .description('say what an account would be asked at a client, and by which rule; nobody signs in')
    .requiredOption('--account <name>', 'user name, e-mail address or id')
    .requiredOption('--client <id>', 'client_id of the relying party')
    .option('--from <address>', 'address that the sign-in comes from')
    .option('--user-agent <text>', 'what the browser says it is')
    .option('--acr-values <values>', 'acr_values of the request, separated by spaces')
    .option('--essential-acr <values>', 'essential acr in the claims of the request, separated by spaces')
    .option('--prompt <values>', 'prompt of the request, such as login')
    .option('--max-age <seconds>', 'max_age of the request')
    .option('--new-device', 'in a browser that the account never signed in with', false)
    .option('--trusted-device', 'in a browser that the account is not asked again in', false)
    .option('--failures <count>', 'wrong passwords in a row before the right one', '0')
    .option(
      '--proven <what>',
      `judge this as well: ${provable.join(', ')}; may be given several times`,
      collect,
      [],
    )
    .option('--json', 'as JSON', false)
    .action(async (_, command: Command) => explainPolicy(io, command.optsWithGlobals<ExplainOptions>()))
}

import type { Config } from '../config/schema.ts'
import { fits, isSignedElsewhere, signatureAlgorithms } from '../provider/keys/algorithms.ts'
import { type Line, type Stage, signerOf, stagesOf } from '../provider/keys/key-stages.ts'
import { cookieLine, isServedBy, keepOf } from '../provider/keys/key-times.ts'
import { withKid } from '../provider/keys/keys-now.ts'
import { dateOf, type KeysParts, nameOf } from './keys-rotate.ts'

interface Listed extends Line {
  /** Null: keys of cookies in the configuration have no name. */
  kid: string | null
  from: 'ring' | 'configuration' | 'signer'
  stage: Stage
  generation?: number
  createdAt?: string
  /** When the stage ends by itself. */
  until: string | null
}

/** Every key for tokens and cookies; no secret. */
export const listKeys = async (
  { config, directory, clock }: Pick<KeysParts, 'config' | 'directory' | 'clock'>,
  { json }: { json: boolean },
): Promise<string> => {
  const staged = stagesOf(await directory.keys(), clock.now(), keepOf(config))
  const ofRing = staged.map(({ key, stage, until }): Listed => {
    // Somebody else signs, or nobody does any more.
    const other =
      stage === 'signs' &&
      key.use === 'signing' &&
      (isSignedElsewhere(config, key.alg) || !signatureAlgorithms(config).some((alg) => alg === key.alg))
    return {
      kid: key.kid,
      ...{ use: key.use, alg: key.alg, from: 'ring', generation: key.generation },
      stage: other ? 'kept' : stage,
      createdAt: dateOf(key.createdAt),
      until: until === null ? null : dateOf(until),
    }
  })
  const signs = (line: Line): boolean => signerOf(staged, line) === undefined && isServedBy(config)(line)
  const signing = await Promise.all((config.keys.signing ?? []).map(withKid))
  const all = [...ofSigners(config), ...ofRing, ...ofConfiguration(config, signing, signs)]
  if (json) return JSON.stringify(all, null, 2)
  return all.length === 0
    ? 'There are no keys yet: they are made at the first start.'
    : all.map(describe).join('\n')
}

const ofSigners = ({ keys }: Config): Listed[] =>
  (keys.signers ?? []).map(({ kid, alg, signs }) => ({
    ...{ kid, use: 'signing', alg, from: 'signer', until: null },
    stage: signs ? 'signs' : 'published',
  }))

/** Once for each algorithm that a configured key can sign. */
const ofConfiguration = (
  config: Config,
  signing: ReadonlyArray<Awaited<ReturnType<typeof withKid>>>,
  signs: (line: Line) => boolean,
): Listed[] => {
  const listed = (line: Line, kid: string | null, isFirst: boolean): Listed => ({
    ...{ ...line, kid, from: 'configuration', until: null },
    stage: isFirst && signs(line) ? 'signs' : 'kept',
  })
  return [
    ...signatureAlgorithms(config).flatMap((alg) =>
      signing
        .filter((jwk) => fits(jwk, alg))
        .map((jwk, at) =>
          listed({ use: 'signing', alg }, jwk.kid, at === 0 && !isSignedElsewhere(config, alg)),
        ),
    ),
    ...(config.keys.cookies ?? []).map((_, at) => listed(cookieLine, null, at === 0)),
  ]
}

const stages: Record<Stage, string> = {
  published: 'published, does not sign yet',
  signs: 'signs',
  kept: 'kept, so that what it signed verifies',
  gone: 'gone',
}

const origins = {
  ring: 'made by Duepassi',
  configuration: 'from the configuration',
  signer: 'on another machine',
}

const describe = ({ kid, use, alg, stage, from, until }: Listed): string =>
  [
    `${kid ?? '(no name)'}  ${nameOf({ use, alg })}`,
    origins[from],
    `${stages[stage]}${until === null ? '' : `, until ${until}`}`,
  ].join(', ')

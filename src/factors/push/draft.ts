import { z } from 'zod'
import type { Draft } from '../factor.ts'
import { storedDevice } from './device.ts'

const common = {
  v: z.literal(1),
  /** Phones that the account had when this was begun. */
  own: z.int().nonnegative(),
}

/** Times in milliseconds since the Unix epoch. */
const scan = z.strictObject({
  ...common,
  step: z.literal('scan'),
  /** Names of the invitation. */
  invitations: z.array(z.string()),
  challenge: z.string(),
  userHandle: z.string(),
  expiresAt: z.int(),
})

/** A phone that presented itself. */
const candidate = {
  ...common,
  device: storedDevice,
  thumbprint: z.string(),
  label: z.string(),
}

const confirm = z.strictObject({
  ...candidate,
  step: z.literal('confirm'),
  /** Told to the phone alone. */
  number: z.string(),
  triesLeft: z.int().positive(),
  expiresAt: z.int(),
})

const test = z.strictObject({
  ...candidate,
  step: z.literal('test'),
  question: z.record(z.string(), z.unknown()),
})

const draftSchema = z.discriminatedUnion('step', [scan, confirm, test])

type PushDraft = z.infer<typeof draftSchema>
export type ScanDraft = z.infer<typeof scan>
export type ConfirmDraft = z.infer<typeof confirm>
export type TestDraft = z.infer<typeof test>

/** @throws Error for what is no draft of this factor */
export const readDraft = ({ secret }: Pick<Draft, 'secret'>): PushDraft =>
  draftSchema.parse(JSON.parse(secret))

/** The phone that presented itself and is not confirmed yet; undefined while none did. */
export const candidateOf = (
  draft: Pick<Draft, 'secret'>,
): (Pick<TestDraft, 'thumbprint' | 'label' | 'device'> & { step: 'confirm' | 'test' }) | undefined => {
  const read = readDraft(draft)
  if (read.step === 'scan') return undefined
  const { thumbprint, label, device, step } = read
  return { thumbprint, label, device, step }
}

import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

type Tree = Record<string, unknown>

/** What the strict preset says where nobody has said anything. */
const strict = {
  totp: { window: 0 },
  webauthn: { userVerification: 'required' },
  push: { digits: 6 },
  policy: { trustedDevices: { kind: 'bound' } },
} as const

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lays what was written over what the preset says; anything that is no section is left for the schema to judge. */
const under = (preset: Tree, written: unknown): unknown => {
  if (written === undefined) return preset
  if (!isTree(written)) return written
  const merged: Tree = { ...written }
  for (const [key, value] of Object.entries(preset))
    merged[key] = isTree(value) ? under(value, written[key]) : key in written ? written[key] : value
  return merged
}

/** The configuration with the defaults of its preset. */
export const withPreset = (tree: Tree): Tree =>
  tree['preset'] === 'strict' ? (under(strict, tree) as Tree) : tree

/** A preset that is contradicted is no preset: whoever wants less says `standard`. */
export const presetHolds = ({ preset, policy, push, totp, webauthn }: Config): Breach[] => {
  if (preset !== 'strict') return []
  const fix = 'Leave it out, or set `preset: standard`.'
  return [
    ...(policy.trustedDevices.kind === 'cookie'
      ? [
          {
            path: ['policy', 'trustedDevices', 'kind'],
            message: 'is `cookie`, and the strict preset lets a device be trusted by its key only.',
            fix,
          },
        ]
      : []),
    ...(push.digits < 6
      ? [{ path: ['push', 'digits'], message: 'is below 6, and the strict preset is not.', fix }]
      : []),
    ...(totp.window > 0
      ? [{ path: ['totp', 'window'], message: 'is above 0, and the strict preset is not.', fix }]
      : []),
    ...(webauthn.userVerification === 'required'
      ? []
      : [
          {
            path: ['webauthn', 'userVerification'],
            message: 'is not `required`, and the strict preset asks for PIN or finger at every key.',
            fix,
          },
        ]),
  ]
}

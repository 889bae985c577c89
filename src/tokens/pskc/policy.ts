import type { Draft, DraftFault } from '../draft.ts'
import { attributeOf, child, childNames, children, textOf, type XmlNode } from './xml.ts'

/**
 * RFC 6030 §5: a key must not be used where something in its policy is not understood. Understood are the dates, its use
 * for one-time passwords, and a PIN that the token itself asks for (`Local`).
 */
export function readPolicy(policy: XmlNode | undefined): DraftFault[] {
  const faults: DraftFault[] = []
  const refuse = (detail: string) => faults.push({ reason: 'policy_unsupported', detail })
  for (const name of childNames(policy))
    if (!['StartDate', 'ExpiryDate', 'KeyUsage', 'PINPolicy'].includes(name)) refuse(name)
  const uses = children(policy, 'KeyUsage').map((use) => textOf(use))
  if (uses.length > 0 && !uses.includes('OTP')) refuse('KeyUsage')
  const pin = child(policy, 'PINPolicy')
  if (pin !== undefined && (attributeOf(pin, 'PINUsageMode') !== 'Local' || childNames(pin).length > 0))
    refuse('PINPolicy')
  return faults
}

/** The dates of the device and of the key. */
export function readDates(
  device: XmlNode | undefined,
  policy: XmlNode | undefined,
): Pick<Draft, 'notBefore' | 'notAfter'> {
  const both = (name: string) =>
    [textOf(device, name), textOf(policy, name)].filter((date) => date !== undefined)
  return { notBefore: both('StartDate'), notAfter: both('ExpiryDate') }
}

/** The PIN keys that policies of `Local` use name: the token holds them, and nobody else has to. */
export function localPins(keys: readonly XmlNode[]): Set<string | undefined> {
  const policies = keys.map((key) => children(children(key, 'Policy')[0], 'PINPolicy')[0])
  const local = policies.filter((pin) => attributeOf(pin, 'PINUsageMode') === 'Local')
  return new Set(local.map((pin) => attributeOf(pin, 'PINKeyId')).filter((id) => id !== undefined))
}

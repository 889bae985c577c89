import type { PushDelivery, PushOutcome } from '../../delivery/delivery.ts'
import type { Credential } from '../../directory/directory.ts'
import type { Told } from '../factor.ts'
import { type PushDevice, readDevice, writeDevice } from './device.ts'
import type { PushRequest } from './request.ts'

type Send = PushDelivery['send']

/** Tells a phone that something is asked; undefined where it has no address. Never rejects. */
export const tellDevice = async (
  { address, language }: Pick<PushDevice, 'address' | 'language'>,
  { id, expiresAt }: Pick<PushRequest, 'id' | 'expiresAt'>,
  send: Send,
): Promise<PushOutcome | undefined> => {
  if (address === null) return undefined
  try {
    return await send(address, { id, expiresAt, language })
  } catch {
    return 'failed'
  }
}

/** Tells all phones at once. The address of one that is gone is forgotten, until its app is opened again. Never rejects. */
export const tellDevices = async (
  credentials: readonly Credential[],
  request: PushRequest,
  send: Send,
): Promise<Told> => {
  const told = await Promise.all(
    readable(credentials).map(async ({ id, device }) => ({
      id,
      device,
      outcome: await tellDevice(device, request, send),
    })),
  )
  return {
    reached: told.filter(({ outcome }) => outcome === 'sent').length,
    changed: told
      .filter(({ outcome }) => outcome === 'gone')
      .map(({ id, device }) => ({ credential: id, secret: writeDevice({ ...device, address: null }) })),
  }
}

/** One that is stored badly stops no other from being told; whoever answers by it learns of it. */
const readable = (credentials: readonly Credential[]) =>
  credentials.flatMap((credential) => {
    try {
      return [{ id: credential.id, device: readDevice(credential) }]
    } catch {
      return []
    }
  })

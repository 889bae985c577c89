import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

/** Microseconds of CPU per operation on this machine, now: no server gets below these. */
export type CryptoLimits = Record<string, number>

type Task = () => unknown

const message = randomBytes(300)

const signing = (key: KeyObject, algorithm: string | null): Task => {
  const options =
    algorithm === 'sha256' && key.asymmetricKeyType === 'ec'
      ? { key, dsaEncoding: 'ieee-p1363' as const }
      : key
  return () => sign(algorithm, message, options)
}

const totpVerifying = (): Task => {
  const key = createSecretKey(randomBytes(20))
  const counter = Buffer.alloc(8)
  return () => {
    for (const step of [59_000_000, 59_000_001, 59_000_002]) {
      counter.writeBigUInt64BE(BigInt(step))
      const mac = createHmac('sha1', key).update(counter).digest()
      mac.readUInt32BE((mac[19] ?? 0) & 15)
    }
  }
}

const opening = (): Task => {
  const key = createSecretKey(randomBytes(32))
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = Buffer.concat([cipher.update(randomBytes(32)), cipher.final()])
  const tag = cipher.getAuthTag()
  return () => {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAuthTag(tag)
    decipher.update(sealed)
    decipher.final()
  }
}

/** Measures again at every call and keeps the least: what is left is the work, not the neighbours. */
export const createCryptoLimits = async () => {
  const tasks: [name: string, times: number, task: Task][] = [
    ['RS256 sign', 40, signing(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'sha256')],
    ['ES256 sign', 200, signing(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'sha256')],
    ['EdDSA sign', 200, signing(generateKeyPairSync('ed25519').privateKey, null)],
    ['TOTP verify, ±1 step', 1000, totpVerifying()],
    ['AES-256-GCM open', 2000, opening()],
  ]
  const phc = await hash('password', { memoryCost: 19_456, timeCost: 2, parallelism: 1 })
  const limits: CryptoLimits = {}
  const keep = (name: string, microseconds: number) => {
    limits[name] = Math.min(limits[name] ?? Number.POSITIVE_INFINITY, microseconds)
  }
  return {
    limits,
    async measure(): Promise<void> {
      for (const [name, times, task] of tasks) {
        for (let index = 0; index < times / 10; index++) task()
        const before = process.cpuUsage()
        for (let index = 0; index < times; index++) task()
        const { user, system } = process.cpuUsage(before)
        keep(name, (user + system) / times)
      }
      const times = 6
      const before = process.cpuUsage()
      for (let index = 0; index < times; index++) await verify(phc, 'password')
      const { user, system } = process.cpuUsage(before)
      keep('argon2id verify, 19 MiB t=2 p=1', (user + system) / times)
    },
  }
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import { program, temporaryFolder } from '../../support/machine.ts'
import { answerOf, context, origin, registered, rpId } from './scene.ts'

/** What `fido2-assert -V` is told of an assertion. */
interface Told {
  hash: Buffer
  rpId: string
  authenticatorData: Buffer
  signature: Buffer
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest()

describe('fido2-assert, an independent verifier, says the same as we do', () => {
  let path = ''
  let folder = ''
  before(async function () {
    this.timeout(180_000)
    path = await program('fido2-assert')
    folder = await temporaryFolder()
  })

  /** The exit code; -p and -v ask for the flags UP and UV. */
  const check = async (key: string, type: string, told: Told): Promise<number> => {
    const file = join(folder, `${type}.pem`)
    await writeFile(file, key)
    const lines = [
      told.hash.toString('base64'),
      told.rpId,
      Buffer.from(isoCBOR.encode(new Uint8Array(told.authenticatorData))).toString('base64'),
      told.signature.toString('base64'),
      '',
    ]
    return new Promise((resolve, reject) => {
      const child = spawn(path, ['-V', '-p', '-v', file, type], { stdio: ['pipe', 'ignore', 'ignore'] })
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? -1))
      child.stdin.end(lines.join('\n'))
    })
  }

  for (const [algorithm, type] of [
    ['ES256', 'es256'],
    ['EdDSA', 'eddsa'],
    ['RS256', 'rs256'],
  ] as const)
    it(algorithm, async () => {
      const { factor, authenticator, credential } = await registered({ algorithm })
      const question = await factor.passkey?.begin(context)
      assert(question)
      const key = String(authenticator.credentials[0]?.publicKey.export({ type: 'spki', format: 'pem' }))
      const json = authenticator.get(question.options, { origin })
      const bytes = (name: 'clientDataJSON' | 'authenticatorData' | 'signature') =>
        Buffer.from(json.response[name], 'base64url')
      const good: Told = {
        hash: sha256(bytes('clientDataJSON')),
        rpId,
        authenticatorData: bytes('authenticatorData'),
        signature: bytes('signature'),
      }
      const ours = async (change: Record<string, string> = {}) => {
        const answer = answerOf({ ...json, response: { ...json.response, ...change } })
        return (await factor.verify(answer, question, [credential], context)).verified
      }
      assert.equal(await ours(), true)
      assert.equal(await check(key, type, good), 0)

      const clientData = Buffer.concat([bytes('clientDataJSON'), Buffer.from(' ')])
      assert.equal(await ours({ clientDataJSON: clientData.toString('base64url') }), false)
      assert.notEqual(await check(key, type, { ...good, hash: sha256(clientData) }), 0)

      const signature = Buffer.from(good.signature)
      signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1
      assert.equal(await ours({ signature: signature.toString('base64url') }), false)
      assert.notEqual(await check(key, type, { ...good, signature }), 0)

      const authenticatorData = Buffer.from(good.authenticatorData)
      authenticatorData[36] = 9
      assert.equal(await ours({ authenticatorData: authenticatorData.toString('base64url') }), false)
      assert.notEqual(await check(key, type, { ...good, authenticatorData }), 0)

      const elsewhere = {
        options: { ...(question.options as object), rpId: 'example.com' },
        discoverable: true,
      }
      assert.equal((await factor.verify(answerOf(json), elsewhere, [credential], context)).verified, false)
      assert.notEqual(await check(key, type, { ...good, rpId: 'example.com' }), 0)

      authenticator.settings.userVerification = false
      const unverified = authenticator.get(question.options, { origin })
      assert.deepEqual(await factor.verify(answerOf(unverified), question, [credential], context), {
        verified: false,
        reason: 'unverified',
      })
      assert.notEqual(
        await check(key, type, {
          ...good,
          hash: sha256(Buffer.from(unverified.response.clientDataJSON, 'base64url')),
          authenticatorData: Buffer.from(unverified.response.authenticatorData, 'base64url'),
          signature: Buffer.from(unverified.response.signature, 'base64url'),
        }),
        0,
      )
    })
})

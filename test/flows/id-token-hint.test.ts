import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import { Browser } from '../support/browser.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'

describe('id_token_hint', function () {
  this.timeout(60_000)
  let op: TestProvider
  let pairwise: RelyingParty
  let maria: { secret: string }
  let anna: { secret: string }
  before(async () => {
    const key = () => randomBytes(32).toString('base64')
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const signing = { ...(await exportJWK(privateKey)), kty: 'EC', kid: 'test', use: 'sig', alg: 'ES256' }
    op = await startProvider({
      config: {
        keys: {
          signing: [signing],
          cookies: [key()],
          sealing: [{ id: 'k', key: key() }],
          pairwise: key(),
        },
      },
    })
    pairwise = await op.addClient({ client_id: 'pairwise', subject_type: 'pairwise' })
    maria = await op.enrol()
    anna = await op.enrolOther('anna')
  })
  after(() => op.close())

  const signIn = async (
    username: string,
    { secret }: { secret: string },
    parameters: Record<string, string>,
    { browser = new Browser(), rp = op.rp } = {},
  ) => {
    op.clock.advance(60)
    const at = await op.typePassword(await op.begin(parameters, browser, rp), { username })
    return op.submit(at, { intent: 'answer', code: op.nextCode(secret) })
  }

  for (const kind of ['public', 'pairwise'] as const)
    it(`of a ${kind} subject: a sign-in as somebody else is an error, as the same person it is none`, async () => {
      const rp = kind === 'public' ? op.rp : pairwise
      const { tokens } = await op.redeem(await signIn('maria', maria, {}, { rp }))
      const hint = { id_token_hint: tokens.id_token as string }
      const browser = new Browser()
      for (const where of [browser, new Browser()]) {
        const other = await signIn('anna', anna, where === browser ? {} : hint, { browser: where, rp })
        if (where === browser) {
          assert.ok(codeOf(other.page))
          assert.equal(
            errorOf((await op.begin({ ...hint, prompt: 'none' }, where, rp)).page),
            'login_required',
          )
        } else assert.deepEqual([errorOf(other.page), codeOf(other.page)], ['login_required', null])
      }
      const again = await op.redeem(await signIn('maria', maria, hint, { rp }))
      assert.equal(decodeJwt(again.tokens.id_token as string).sub, decodeJwt(hint.id_token_hint).sub)
    })
})

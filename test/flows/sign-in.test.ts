import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import { mfa, startProvider, type TestProvider } from '../support/provider.ts'

describe('signing in', () => {
  let op: TestProvider
  before(async () => {
    op = await startProvider()
  })
  after(() => op.close())
  it('enrols first', async () => {
    const { tokens, secret } = await op.enrol()
    assert.equal(tokens.claims()?.['acr'], mfa)
    const again = await op.signIn(secret)
    assert.deepEqual(again.tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
  })
})

import assert from 'node:assert/strict'
import { accountTag } from '../../src/context/device-cookie.ts'
import { Browser } from '../support/browser.ts'
import {
  type Asked,
  addPhoneOwner,
  askedOf,
  askPhone,
  failuresOf,
  numberOn,
  type PhoneOwner,
  reload,
  startWithPhones,
} from '../support/phones.ts'
import { type AtPage, mfa, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'

/** What the page gives the app of this very browser. */
const hereOn = ({ body }: { body: string }) => {
  const json = /data-here="([^"]*)"/.exec(body)?.[1]
  assert.ok(json, 'the page offers to answer here')
  return JSON.parse(
    json.replaceAll('&#34;', '"').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  ) as Asked & {
    issuer: string
    tag: string
  }
}

describe('a sign-in in the browser of the phone itself', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let owner: PhoneOwner
  before(async () => {
    ;({ op, told } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    told.length = 0
  })

  /** A browser with the cookie that the app's API has set. */
  const phoneBrowser = async (): Promise<Browser> => {
    const put = await owner.phone.call('PUT', 'device', { address: null })
    const [name = '', value = ''] = (put.headers.getSetCookie()[0]?.split(';')[0] ?? '').split('=')
    const browser = new Browser()
    const cookies = browser.cookies() as Array<{ name: string; value: string; path: string; host: string }>
    cookies.push({ name, value, path: '/', host: '127.0.0.1' })
    await owner.phone.call('PUT', 'device', { address: { kind: 'web', endpoint: 'https://push.test/x' } })
    return browser
  }
  const submit = (at: AtPage, response: string) => op.submit(at, { intent: 'answer', response })

  it('sends nothing, and asks for PIN or finger alone', async () => {
    const at = await askPhone(op, owner, await phoneBrowser())
    assert.deepEqual([told.length, await owner.phone.asked()], [0, undefined])
    const here = hereOn(at.page)
    assert.deepEqual([here.issuer, here.tag], [op.issuer, accountTag(owner.account.id)])
    assert.doesNotMatch(at.page.body, /class="number"/)
    const { tokens } = await op.redeem(await submit(at, await owner.phone.soft.decide(here)))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'pop', 'mfa'], 'on no other channel')
    assert.equal(tokens.claims()?.acr, mfa)
  })

  it('is refused without PIN or finger, by another key, and a second time', async () => {
    const other = await addPhoneOwner(op)
    for (const knobs of [{ userVerified: false }, { signer: other.phone.soft }, { assertion: null }]) {
      const at = await askPhone(op, owner, await phoneBrowser())
      const answer = await owner.phone.soft.decide(hereOn(at.page), knobs)
      const refused = await submit(at, answer)
      assert.deepEqual([refused.page.status, codeOf(refused.page)], [422, null])
      const again = await submit(at, await owner.phone.soft.decide(hereOn(at.page)))
      assert.equal(codeOf(again.page), null, 'over')
      op.clock.advance(60)
    }
    assert.equal(await failuresOf(op, owner.account), 3)
  })

  it('that comes too late counts nothing', async () => {
    const at = await askPhone(op, owner, await phoneBrowser())
    const here = hereOn(at.page)
    op.clock.advance(61)
    const late = await submit(at, await owner.phone.soft.decide(here))
    assert.equal(codeOf(late.page), null)
    assert.equal(await failuresOf(op, owner.account), 0)
  })

  it('is offered to tell a phone instead, and shows a number then, which is needed', async () => {
    const at = await askPhone(op, owner, await phoneBrowser())
    const here = hereOn(at.page)
    const sent = await op.submit(at, { intent: 'send', elsewhere: 'on' })
    assert.equal(told.length, 1)
    assert.doesNotMatch(sent.page.body, /data-here=/)
    const asked = await askedOf(owner.phone)
    assert.notEqual(asked.nonce, here.nonce)
    // What the page knew before is worth nothing now.
    const old = await owner.phone.decide({ ...asked, nonce: here.nonce })
    assert.notEqual(old.status, 200)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(sent.page) })).status, 200)
    await op.redeem(await reload(at))
  })

  it('answers through its page alone: the API takes no answer without the number', async () => {
    const at = await askPhone(op, owner, await phoneBrowser())
    const here = hereOn(at.page)
    const decided = await owner.phone.decide(here)
    assert.deepEqual([decided.status, decided.body], [404, { error: 'request_gone' }])
    await op.redeem(await submit(at, await owner.phone.soft.decide(here)))
  })

  it('is nothing to a stranger with the same cookie: without the phone’s key nobody is let in', async () => {
    const other = await addPhoneOwner(op)
    const at = await askPhone(op, owner, await phoneBrowser())
    const refused = await submit(at, await other.phone.soft.decide(hereOn(at.page)))
    assert.deepEqual([refused.page.status, codeOf(refused.page)], [422, null])
  })

  it('takes nothing from a request that waits for another sign-in', async () => {
    const other = await addPhoneOwner(op)
    const first = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const at = await askPhone(op, owner, await phoneBrowser())
    const refused = await submit(at, await other.phone.soft.decide(hereOn(at.page)))
    assert.equal(refused.page.status, 422)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(first.page) })).status, 200)
    await op.redeem(await reload(first))
  })
})

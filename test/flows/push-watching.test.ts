import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Browser } from '../support/browser.ts'
import {
  addPhoneOwner,
  askedOf,
  askPhone,
  enrolPhone,
  numberOn,
  type PhoneOwner,
  reload,
  startWithPhones,
} from '../support/phones.ts'
import { freshDatabase } from '../support/postgres.ts'
import type { AtPage, TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'

const stateOn = ({ body }: { body: string }): string => {
  const state = /data-watch="([^"]+)"/.exec(body)?.[1]
  assert.ok(state, 'a page that watches')
  return state
}

const watchUrl = ({ page }: AtPage, how: 'poll' | 'events', state = stateOn(page)): URL => {
  const url = new URL(page.url)
  url.searchParams.set('watch', how)
  url.searchParams.set('state', state)
  return url
}

/** What a watch answers, and after how many milliseconds. */
const watching = async (at: AtPage, how: 'poll' | 'events', state?: string) => {
  const begun = performance.now()
  const answer = await at.browser.once(watchUrl(at, how, state))
  return { ...answer, took: performance.now() - begun }
}

for (const nodes of [1, 2] as const)
  describe(`a page that waits for a phone, ${nodes === 1 ? 'on one node' : 'on two nodes with Redis'}`, function () {
    this.timeout(60_000)
    let op: TestProvider
    let owner: PhoneOwner
    before(async () => {
      ;({ op } = await startWithPhones(
        nodes === 1 ? {} : { nodes, redis: await redisUrl(), database: await freshDatabase() },
      ))
    })
    after(() => op.close())
    beforeEach(async () => {
      owner = await addPhoneOwner(op)
    })

    /** The longest that anybody waits for what another did. */
    const soon = nodes === 1 ? 400 : 1_000

    for (const how of ['poll', 'events'] as const)
      it(`learns by ${how} that it was approved, within ${soon} ms`, async () => {
        // In turn the answer comes to the other node: a request more makes it come to the same one too.
        for (let round = 0; round < nodes; round++) {
          const at = await askPhone(op, owner)
          const asked = await askedOf(owner.phone)
          const state = stateOn((await reload(at)).page)
          const answer = watching(at, how, state)
          await pause(300)
          if (round === 1) await at.browser.get(at.page.url)
          const decided = await owner.phone.decide(asked, { num: numberOn(at.page) })
          assert.equal(decided.status, 200)
          const told = performance.now()
          const { status, body } = await answer
          assert.ok(performance.now() - told < soon)
          assert.equal(status, 200)
          const next = how === 'poll' ? JSON.parse(body).state : /event: moved\ndata: (.*)\n/.exec(body)?.[1]
          assert.ok(next && next !== state, body)
          await op.redeem(await reload(at))
          op.clock.advance(60)
        }
      })

    it('learns that it was opened, denied, reported, answered wrongly, and taken the place of', async () => {
      const at = await askPhone(op, owner)
      const first = stateOn(at.page)
      const opened = watching(at, 'poll', first)
      const asked = await askedOf(owner.phone)
      const seen = JSON.parse((await opened).body).state as string
      assert.match(seen, /\.seen$/)
      assert.equal(seen.split('.')[0], first.split('.')[0], 'the page need not be read anew for that')
      const denied = watching(at, 'poll', seen)
      await owner.phone.decide(asked, { decision: 'deny' })
      const after = JSON.parse((await denied).body).state as string
      assert.notEqual(after, seen)
      op.clock.advance(20)
      const again = await op.submit(at, { intent: 'send' })
      const wrong = watching(again, 'poll')
      await owner.phone.decide(await askedOf(owner.phone), { num: '999999' })
      assert.notEqual(JSON.parse((await wrong).body).state.split('.')[0], stateOn(again.page).split('.')[0])
      op.clock.advance(60)
      const last = await op.submit(at, { intent: 'send' })
      const replaced = watching(last, 'poll')
      op.clock.advance(45)
      const [answer] = await Promise.all([replaced, askPhone(op, owner)])
      assert.notEqual(JSON.parse(answer.body).state, stateOn(last.page))
    })

    it('is answered at once where it shows what is over, and learns when time runs out', async () => {
      const at = await askPhone(op, owner)
      assert.ok((await watching(at, 'poll', 'something-else')).took < 1_000)
      const waiting = watching(at, 'poll')
      await pause(100)
      op.clock.advance(61)
      assert.ok((await waiting).took < 2_000)
    })

    it('says nothing to whoever has no cookie of the sign-in', async () => {
      const at = await askPhone(op, owner)
      for (const how of ['poll', 'events'] as const) {
        const answer = await new Browser().once(watchUrl(at, how))
        assert.ok(answer.status >= 400, String(answer.status))
        assert.doesNotMatch(answer.body, /"state"|event:/)
        const elsewhere = { ...(await askPhone(op, await addPhoneOwner(op))), page: at.page }
        const other = await elsewhere.browser.once(watchUrl(elsewhere, how))
        assert.doesNotMatch(other.body, /"state":"(?!gone)[^"]*\.seen/)
        assert.doesNotMatch(other.body, new RegExp(stateOn(at.page)))
      }
    })
  })

describe('what is secret of a request', () => {
  let op: TestProvider
  before(async () => {
    ;({ op } = await startWithPhones({ config: { push: { digits: 6 } } }))
  })
  after(() => op.close())

  it('is in no line of the log, no audit event, no watch and no address', async () => {
    op.logged.length = 0
    const bodies: string[] = []
    const secrets: string[] = []
    const asking = await op.atSecondStep()
    const { phone, at } = await enrolPhone(op, asking)
    secrets.push(phone.offlineSecret)
    await op.submit(at, { intent: 'saved' })
    const noted = (text: string) => {
      const { jws, assertion } = JSON.parse(text)
      secrets.push(jws, String(jws).split('.')[2] as string)
      if (assertion) secrets.push(assertion.response.signature)
      return text
    }
    for (const how of ['right', 'wrong', 'deny', 'report'] as const) {
      op.clock.advance(3_600)
      const page = await op.atSecondStep()
      if (!page.page.body.includes('class="number"')) assert.fail(`${how}: ${page.page.url}`)
      const number = numberOn(page.page)
      const asked = await askedOf(phone)
      secrets.push(asked.nonce, number, asked.id)
      bodies.push(stateOn(page.page), (await watching(page, 'poll', 'old')).body)
      const decision = how === 'deny' || how === 'report' ? how : 'approve'
      const num = how === 'wrong' ? '000000' : number
      const answer = noted(await phone.soft.decide(asked, { decision, num }))
      await phone.call('POST', `requests/${asked.id}/decision`, answer)
      const authorization = await phone.soft.call('GET', `${op.issuer}/authenticator/api/x`)
      await fetch(`${op.issuer}/authenticator/api/device`, { headers: { authorization } })
      secrets.push(authorization)
      bodies.push((await reload(page)).page.url.pathname)
    }
    // Broken answers fail loudly, and tell nothing either.
    await phone.call('POST', 'requests/none/decision', '{"jws":')
    await phone.call('PUT', 'device', '[]')
    const audit = JSON.stringify(await op.audit())
    const log = op.logged.join('\n')
    assert.ok(log.length > 1_000, 'there is a log to look into')
    for (const secret of secrets) {
      assert.ok(secret.length > 3)
      // Ids of requests are in the addresses that phones call; they are no secret once answered, and not enough before.
      if (/^[\w-]{43}$/.test(secret) && log.includes(`/requests/${secret}`)) continue
      // A number may stand in another one, such as a time.
      const isIn = (text: string) =>
        /^\d+$/.test(secret) ? new RegExp(`(?<!\\d)${secret}(?!\\d)`).test(text) : text.includes(secret)
      assert.ok(!isIn(log), `in the log: ${secret}`)
      assert.ok(!isIn(audit), `in the audit trail: ${secret}`)
      assert.ok(!bodies.some(isIn), `watched: ${secret}`)
    }
  })
})

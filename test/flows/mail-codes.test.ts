import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import { not } from '../factors/message-code/scene.ts'
import type { Answer } from '../support/browser.ts'
import {
  type AtPage,
  mfa,
  type Settings,
  sfa,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { codeNow, secretOn } from '../support/steps.ts'
import { codeIn } from '../support/texts.ts'
import { amrOf, asksApp } from './ruled-people.ts'

const choicesOn = ({ body }: Answer): string[] =>
  body.includes('value="choose"')
    ? [...body.matchAll(/name="factor" value="([^"]+)"/g)].map(([, name]) => name as string)
    : []

const offersAddress = ({ body }: Answer): boolean => body.includes('name="address"')

/** A provider that sends codes by mail, and what people do there. */
const openMailing = async (policy: NonNullable<Settings['config']>['policy'] = {}) => {
  const op = await startProvider({
    config: { mail: { codes: true }, messages: { perHourFromAddress: 10_000 }, policy },
  })
  let people = 0
  /** Codes go to the mailbox by the name; what else the person is told goes to their own. */
  const codes = () => op.mails.filter(({ subject }) => /your code/.test(subject))
  const lastCode = () => codeIn(codes().at(-1))
  const atStepTwo = async ({ username }: Account, rp?: RelyingParty): Promise<AtPage> => {
    // All of them come from one address, which has to wait 30 s between two messages.
    op.clock.advance(30)
    return op.typePassword(await op.begin({}, undefined, rp), { username })
  }
  const held = async ({ id }: Account) =>
    (await op.duepassi.directory.credentials(id)).map(({ factor }) => factor).toSorted()
  const someoneNew = () => {
    people += 1
    return op.addPerson(`person-${people}`)
  }
  /** Somebody with a mailbox, and nothing else. */
  const someoneWithMailbox = async (): Promise<Account> => {
    const account = await someoneNew()
    await op.duepassi.directory.addCredential({
      id: `mailbox of ${account.id}`,
      accountId: account.id,
      factor: 'email',
      label: 'Mailbox',
      handle: null,
      secret: JSON.stringify({ v: 1, to: `box-${account.username}@example.org` }),
      counter: 0,
      createdAt: op.clock.now(),
      lastUsedAt: null,
    })
    return account
  }
  /** Types the code that was mailed, which is asked for first where none was sent by itself. */
  const answerMail = async (at: AtPage): Promise<AtPage> => {
    if (at.page.body.includes('value="send"') && !at.page.body.includes('value="answer"')) {
      op.clock.advance(30)
      await op.submit(at, { intent: 'send' })
    }
    return op.submit(at, { intent: 'answer', code: lastCode() })
  }
  /** Sets an app up, saves the recovery codes if there are any, and comes back to the relying party. */
  const setAppUp = async (at: AtPage) => {
    const enrolling = await op.choose(at, 'totp')
    const secret = secretOn(enrolling.page)
    const code = codeNow(secret, op.clock)
    const confirmed = await op.submit(enrolling, { intent: 'confirm', code, label: '' })
    const done = codeOf(confirmed.page) ? confirmed : await op.submit(confirmed, { intent: 'saved' })
    return { secret, done: await op.redeem(done) }
  }
  return { op, codes, lastCode, atStepTwo, held, someoneNew, someoneWithMailbox, answerMail, setAppUp }
}

type Mailing = Awaited<ReturnType<typeof openMailing>>

describe('codes by mail, where two factors are required', () => {
  let mailing: Mailing
  let op: TestProvider
  before(async () => {
    mailing = await openMailing()
    op = mailing.op
  })
  after(() => op.close())

  it('are not among what can be set up, since they are no second factor', async () => {
    const at = await mailing.atStepTwo(await mailing.someoneNew())
    assert.deepEqual(choicesOn(at.page), ['webauthn', 'totp'])
    const { page } = await op.submit(at, { intent: 'choose', factor: 'email' })
    assert.equal(page.status, 422)
    assert.deepEqual(choicesOn(page), ['webauthn', 'totp'])
    assert.equal(mailing.codes().length, 0)
  })

  it('let nobody in who has nothing else: a second factor is set up after them', async () => {
    const account = await mailing.someoneWithMailbox()
    const at = await mailing.atStepTwo(account)
    assert.equal(mailing.codes().at(-1)?.to.address, `box-${account.username}@example.org`)
    const wrong = await op.submit(at, { intent: 'answer', code: not(mailing.lastCode()) })
    assert.equal(wrong.page.status, 422)
    const choosing = await mailing.answerMail(at)
    assert.equal(codeOf(choosing.page), null)
    assert.deepEqual(choicesOn(choosing.page), ['webauthn', 'totp'])
    const { done } = await mailing.setAppUp(choosing)
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.equal(done.tokens.claims()?.['acr'], mfa)
    assert.deepEqual(await mailing.held(account), ['email', 'recovery-code', 'totp'])
    // From then on the mailbox is asked for no more.
    const before = mailing.codes().length
    const next = await mailing.atStepTwo(account)
    assert.ok(asksApp(next.page))
    assert.equal(mailing.codes().length, before)
    assert.equal((await op.submit(next, { intent: 'switch', factor: 'email' })).page.status, 422)
  })

  it('have no link in them, and the code in the text alone', async () => {
    await mailing.atStepTwo(await mailing.someoneWithMailbox())
    const mail = mailing.codes().at(-1)
    assert.doesNotMatch(mail?.text ?? '', /https?:/)
    assert.doesNotMatch(mail?.subject ?? '', /\d/)
  })
})

describe('codes by mail, where the policy requires them', () => {
  let mailing: Mailing
  let op: TestProvider
  before(async () => {
    mailing = await openMailing({ factors: { email: 'require' } })
    op = mailing.op
  })
  after(() => op.close())

  it('are set up by somebody new, and a second factor with them', async () => {
    const account = await mailing.someoneNew()
    let at = await mailing.atStepTwo(account)
    if (choicesOn(at.page).length > 0) at = await op.choose(at, 'email')
    assert.ok(offersAddress(at.page))
    await op.submit(at, { intent: 'address', address: 'box@example.org' })
    const code = mailing.lastCode()
    let next = await op.submit(at, { intent: 'confirm', code, label: '' })
    if (/value="saved"/.test(next.page.body)) next = await op.submit(next, { intent: 'saved' })
    assert.equal(codeOf(next.page), null, 'password and mailbox are one factor')
    assert.equal(errorOf(next.page), null, 'nobody is sent away who could set something up')
    const { done } = await mailing.setAppUp(next)
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.deepEqual(await mailing.held(account), ['email', 'recovery-code', 'totp'])
  })

  it('are asked for besides a second factor, in whatever order, and earn nothing', async () => {
    const account = await mailing.someoneWithMailbox()
    const first = await mailing.answerMail(await mailing.atStepTwo(account))
    assert.equal(codeOf(first.page), null)
    assert.equal(errorOf(first.page), null)
    const { secret } = await mailing.setAppUp(first)
    op.clock.advance(60)
    let at = await mailing.atStepTwo(account)
    let proven: string[] = []
    while (codeOf(at.page) === null && proven.length < 2) {
      const asked = asksApp(at.page) && !/by email/.test(at.page.body) ? 'totp' : 'email'
      proven = [...proven, asked]
      at =
        asked === 'totp'
          ? await op.submit(at, { intent: 'answer', code: codeNow(secret, op.clock) })
          : await mailing.answerMail(at)
    }
    assert.deepEqual(proven.toSorted(), ['email', 'totp'])
    const done = await op.redeem(at)
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.equal(done.tokens.claims()?.['acr'], mfa)
  })
})

describe('codes by mail, where one factor is enough', () => {
  let mailing: Mailing
  let op: TestProvider
  let careful: RelyingParty
  before(async () => {
    mailing = await openMailing({ secondFactor: 'off' })
    op = mailing.op
    careful = await op.addClient({ client_id: 'careful', second_factors: { email: 'require' } })
  })
  after(() => op.close())

  it('are asked for by the relying party that requires them, and the tokens say one factor', async () => {
    const account = await mailing.someoneWithMailbox()
    const plain = await op.redeem(await mailing.atStepTwo(account))
    assert.deepEqual(amrOf(plain), ['pwd'])
    assert.equal(mailing.codes().length, 0)
    const at = await mailing.atStepTwo(account, careful)
    assert.equal(codeOf(at.page), null)
    let next = await mailing.answerMail(at)
    if (/value="saved"/.test(next.page.body)) next = await op.submit(next, { intent: 'saved' })
    const { tokens } = await op.redeem(next)
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd'])
    assert.equal(tokens.claims()?.['acr'], sfa)
  })
})

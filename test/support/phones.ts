import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stringify } from 'yaml'
import { runCli } from '../../src/cli/cli.ts'
import type { PushDelivery, PushNotice } from '../../src/delivery/delivery.ts'
import type { Account } from '../../src/directory/directory.ts'
import { Browser } from './browser.ts'
import { temporaryFolder } from './machine.ts'
import { type AtPage, type Settings, type SignedIn, startProvider, type TestProvider } from './provider.ts'
import { createSoftPhone, type Decide, type SoftPhone } from './soft-phone.ts'
import { recoveryCodesOn } from './steps.ts'

/** Notifications that go nowhere but into a list, oldest first. */
export const collectNotices = () => {
  const told: Array<PushNotice & { address: string }> = []
  const state: { outcome: Awaited<ReturnType<PushDelivery['send']>> } = { outcome: 'sent' }
  const delivery: PushDelivery = {
    applicationServerKey: 'BPublicKeyOfThisProvider',
    readAddress: (given) => (given === 'nowhere' ? undefined : JSON.stringify(given)),
    async send(address, notice) {
      told.push({ ...notice, address })
      return state.outcome
    },
    async close() {},
  }
  return { told, delivery, state }
}

/** As the device API answers it. */
export interface Asked {
  id: string
  nonce: string
  digits: number
  expiresAt: number
  kind: string
  shown: string
}

export interface ApiAnswer {
  status: number
  headers: Headers
  // Whatever the API says.
  body: Record<string, unknown>
}

/** A phone with the app, which speaks the API of a provider as the app does. */
export interface Phone {
  soft: SoftPhone
  /** What the app keeps beside its keys. */
  offlineSecret: string
  /** One call, signed by the device; `headers` and `body` replace what the app would send. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>
  /** One call that nobody signs. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<ApiAnswer>
  /** What it sends to present itself to an invitation, scanned or typed; `address`: in the place of its own. */
  present(token: string, address?: unknown): Promise<ApiAnswer>
  /** Presents itself to the invitation on a page, or to a typed one; answers the number that it shows. */
  accept(page: { body: string } | string): Promise<string>
  /** What is asked of it now. */
  asked(): Promise<Asked | undefined>
  decide(asked: Asked, knobs?: Decide): Promise<ApiAnswer>
}

const own = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' }

const read = async (response: Response): Promise<ApiAnswer> => {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

/** The invitation that a page shows, as a camera reads it. */
export const invitationOn = ({ body }: { body: string }): string => {
  const token = /\/authenticator\/#e=([\w-]{43})/.exec(body)?.[1]
  assert.ok(token, 'an invitation on the page')
  return token
}

/** The number that a page shows for the phone. */
export const numberOn = ({ body }: { body: string }): string => {
  const number = /class="number"><span aria-hidden="true">([\d\s]+)</.exec(body)?.[1]
  assert.ok(number, 'a number on the page')
  return number.replaceAll(/\s/g, '')
}

/** One call that nobody signs, from another address of this machine: 127.0.0.2 and so on. */
export const postFrom = (localAddress: string, url: string, body: unknown): Promise<ApiAnswer> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: own, localAddress }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: new Headers(res.headers as Record<string, string>),
          body: JSON.parse(Buffer.concat(chunks).toString()),
        }),
      )
    })
    sent.once('error', reject).end(JSON.stringify(body))
  })

export const openPhone = async (op: Pick<TestProvider, 'issuer' | 'clock'>): Promise<Phone> => {
  const api = `${op.issuer}/authenticator/api/`
  const soft = await createSoftPhone({ issuer: op.issuer, now: op.clock.now, label: 'Phone' })
  const phone: Phone = {
    soft,
    offlineSecret: '',
    async post(path, body, headers = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      return read(await fetch(api + path, { method: 'POST', headers: { ...own, ...headers }, body: text }))
    },
    async present(token, address) {
      const offered = await phone.post('invitations', { token })
      assert.equal(offered.status, 200, JSON.stringify(offered.body))
      return phone.post('devices', await soft.enrol({ token, options: offered.body['options'], address }))
    },
    async call(method, path, body, headers = {}) {
      const authorization = await soft.call(method, api + path)
      return read(
        await fetch(api + path, {
          method,
          headers: { ...own, authorization, ...headers },
          ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        }),
      )
    },
    async accept(page) {
      const token = typeof page === 'string' ? page : invitationOn(page)
      const address = { kind: 'web', endpoint: `https://push.test/${soft.thumbprint}` }
      const presented = await phone.present(token, address)
      assert.equal(presented.status, 201, JSON.stringify(presented.body))
      phone.offlineSecret = String(presented.body['offlineSecret'])
      return String(presented.body['number'])
    },
    async asked() {
      const { status, body } = await phone.call('GET', 'requests')
      assert.equal(status, 200, JSON.stringify(body))
      return (body['requests'] as Asked[])[0]
    },
    async decide(asked, knobs = {}) {
      return phone.call('POST', `requests/${asked.id}/decision`, await soft.decide(asked, knobs))
    },
  }
  return phone
}

/** Sets a phone up from the page on which a factor is chosen; answers the page that follows. */
export const enrolPhone = async (op: TestProvider, at: AtPage): Promise<{ phone: Phone; at: AtPage }> => {
  const phone = await openPhone(op)
  const invited = await op.choose(at, 'push')
  const number = await phone.accept(invited.page)
  const testing = await op.submit(invited, { intent: 'confirm', code: number, label: 'My phone' })
  const test = await phone.asked()
  assert.equal(test?.kind, 'test')
  const decided = await phone.decide(test, { num: numberOn(testing.page) })
  assert.deepEqual([decided.status, decided.body], [200, { outcome: 'approved' }])
  return { phone, at: { ...testing, page: await testing.browser.get(testing.page.url) } }
}

/** A provider with the authenticator app; `told` has what its phones were told. */
export const startWithPhones = async ({ config = {}, parts = {}, ...settings }: Settings = {}) => {
  const { told, delivery, state } = collectNotices()
  const op = await startProvider({
    ...settings,
    parts: { push: delivery, ...parts },
    config: { ...config, push: { enabled: true, ...config.push } },
  })
  return { op, told, state }
}

/** Somebody with a phone, set up an hour ago, and the recovery codes that came with it. */
export interface PhoneOwner {
  account: Account
  username: string
  phone: Phone
  codes: string[]
  /** Signed in by the enrolment. */
  signedIn: SignedIn
}

let owners = 0

export const addPhoneOwner = async (op: TestProvider): Promise<PhoneOwner> => {
  owners += 1
  const username = `owner-${owners}`
  const account = await op.addPerson(username)
  const asked = await op.typePassword(await op.begin(), { username })
  const { phone, at } = await enrolPhone(op, asked)
  const codes = recoveryCodesOn(at.page)
  const signedIn = await op.redeem(await op.submit(at, { intent: 'saved' }))
  op.clock.advance(3_600)
  return { account, username, phone, codes, signedIn }
}

/** At the second step, where the phones are asked. */
export const askPhone = async (
  op: TestProvider,
  { username }: Pick<PhoneOwner, 'username'>,
  browser = new Browser(),
  parameters: Record<string, string> = {},
): Promise<AtPage> => op.typePassword(await op.begin(parameters, browser), { username })

/** What the phone is asked, which has to be something. */
export const askedOf = async (phone: Phone): Promise<Asked> => {
  const asked = await phone.asked()
  assert.ok(asked, 'the phone is asked')
  return asked
}

/** Reads the page on the computer anew, as its watch makes it do. */
export const reload = async (at: AtPage): Promise<AtPage> => ({
  ...at,
  page: await at.browser.get(at.page.url),
})

/** A whole sign-in, approved with the number on the page. */
export const signInByPhone = async (
  op: TestProvider,
  owner: Pick<PhoneOwner, 'username' | 'phone'>,
  browser = new Browser(),
  parameters: Record<string, string> = {},
): Promise<SignedIn> => {
  const at = await askPhone(op, owner, browser, parameters)
  const decided = await owner.phone.decide(await askedOf(owner.phone), { num: numberOn(at.page) })
  assert.deepEqual([decided.status, decided.body], [200, { outcome: 'approved' }])
  return op.redeem(await reload(at))
}

/** Another number of as many digits. */
export const wrongNumber = (page: { body: string }): string => {
  const number = numberOn(page)
  return String((Number(number) + 1) % 10 ** number.length).padStart(number.length, '0')
}

/** Wrong answers of the phone that are counted. */
export const failuresOf = async (op: TestProvider, { id }: Pick<Account, 'id'>): Promise<number> =>
  (await op.duepassi.directory.changeAttempts(id, 'push', (state) => state)).before.failures

/** Types of what was recorded of an account, oldest first. */
export const eventsOf = async (op: TestProvider, { id }: Pick<Account, 'id'>): Promise<string[]> =>
  (await op.audit(id)).map(({ type }) => type).reverse()

/** An administrator's command, beside the running provider. */
export const administer = async (op: TestProvider, ...words: string[]): Promise<string> => {
  const file = join(await temporaryFolder(), 'duepassi.yaml')
  await writeFile(file, stringify(op.config))
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const status = await runCli([...words, '-c', file], { env: {}, stdin, stdout, stderr })
  assert.equal(status, 0, String(stderr.read()))
  return String(stdout.read())
}

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SignIn } from '../../src/challenge/machine.ts'
import { unproven } from '../../src/challenge/machine.ts'
import { createSecondFactorScreens, type SecondFactorParts } from '../../src/interaction/second-factor.ts'
import type { Visit } from '../../src/interaction/visit.ts'
import type { FactorQuestion } from '../../src/pages/views.ts'

const now = 1_000_000
const question = {
  id: 'the-request',
  local: 'the-local-nonce',
  nonce: 'the-nonce',
  number: '427',
  shown: '{}',
  expiresAt: now + 40_000,
  resendAt: now + 9_500,
  devices: ['iPhone'],
}
const signIn = (stage: SignIn['stage'], more: Partial<SignIn> = {}): SignIn => ({
  purpose: 'sign-in',
  ...unproven,
  accountId: 'maria',
  clientId: 'shop',
  primary: { amr: ['pwd'], at: 1 },
  rules: { required: [], forbidden: [] },
  stage,
  ...more,
})
const asking = signIn({ name: 'asking', factor: 'push', question })

type Shown = Awaited<ReturnType<SecondFactorParts['watch']['shown']>>

/** The screens with everything else made up: `here`, whether this browser has the cookie of the app. */
const openScreens = (found: SignIn, { here = false, shown = {} as Partial<Shown> } = {}) => {
  const pages: Array<{ view: string; locals: { factor?: FactorQuestion } }> = []
  const sent: unknown[] = []
  const finished: Array<SignIn['trust']> = []
  const redirects: string[] = []
  const parts = {
    provider: () => ({ issuer: 'https://id.example' }),
    pages: { send: (_req: unknown, _res: unknown, page: (typeof pages)[number]) => void pages.push(page) },
    challenge: {
      find: async () => found,
      waiting: async () => 0,
      others: async () => [],
      send: async (_uid: string, how: unknown) => {
        sent.push(how)
        return { kind: 'moved', signIn: found }
      },
    },
    watch: {
      shown: async () => ({
        watch: 'w',
        seen: false,
        reached: null,
        superseded: false,
        told: false,
        ...shown,
      }),
      next: async () => 'next-state',
    },
    isHere: () => here,
    isRemote: (factor: string) => factor === 'push',
    isSent: () => true,
    clock: { now: () => now },
    accountName: async () => 'maria',
    devices: { trust: { kind: 'cookie', days: 30 }, tagOf: (id: string) => `tag-${id}` },
    judge: { mayTrust: async () => true },
    resultOf: async (_visit: Visit, { trust }: SignIn) => {
      finished.push(trust)
      return {}
    },
  } as unknown as SecondFactorParts
  const screens = createSecondFactorScreens(parts)
  const visit = (url = '/i/second-factor'): Visit =>
    ({
      uid: 'uid',
      language: 'en',
      req: { url, method: 'GET', headers: {} } as IncomingMessage,
      res: {
        writeHead: (_status: number, { Location = '' }: { Location?: string }) =>
          void redirects.push(Location),
        end: () => {},
        once: () => {},
      } as unknown as ServerResponse,
      interaction: { prompt: { name: 'login' }, persist: async () => {}, returnTo: '/auth/uid' },
    }) as unknown as Visit
  const asked = async (url?: string) => {
    await screens.show(visit(url))
    const factor = pages.at(-1)?.locals.factor
    ok(factor?.name === 'push')
    return factor
  }
  return { screens, visit, asked, pages, sent, finished, redirects }
}

describe('a question to a phone, as the page is given it', () => {
  it('says what is shown, when it may be asked again, and what to watch', async () => {
    const { asked } = openScreens(asking, { shown: { watch: 'w.seen', seen: true, reached: 1 } })
    deepEqual(await asked('/i/second-factor?a=b'), {
      name: 'push',
      devices: ['iPhone'],
      resendIn: 10,
      state: 'pending',
      number: '427',
      secondsLeft: 40,
      watch: 'w.seen',
      seen: true,
      reached: 1,
      byCode: { open: false, url: '?a=b&typing=on' },
    })
  })

  it('is answered by this browser where it can, unless a phone was told: then the number is shown', async () => {
    const { here } = await openScreens(asking, { here: true }).asked()
    deepEqual(here, {
      id: 'the-request',
      nonce: 'the-local-nonce',
      shown: '{}',
      issuer: 'https://id.example',
      tag: 'tag-maria',
    })
    const told = await openScreens(asking, { here: true, shown: { told: true } }).asked()
    deepEqual([told.here, told.number, told.state], [undefined, '427', 'pending'])
  })

  it('is lost to another sign-in, but not for the browser that needs no phone', async () => {
    const lost = await openScreens(asking, { shown: { superseded: true } }).asked()
    equal(lost.state, 'superseded')
    const here = await openScreens(asking, { here: true, shown: { superseded: true } }).asked()
    equal(here.state, 'pending')
  })

  it('is asked of this browser again, or of a phone where the person wants that', async () => {
    const { screens, visit, sent } = openScreens(asking, { here: true })
    await screens.submit(visit(), { intent: 'send' })
    await screens.submit(visit(), { intent: 'send', elsewhere: 'on' })
    const plain = openScreens(asking)
    await plain.screens.submit(plain.visit(), { intent: 'send' })
    deepEqual([...sent, ...plain.sent], [{ here: true }, { here: false }, { here: false }])
  })

  it('leads back to the page that waits once it is asked anew', async () => {
    const { screens, visit, redirects } = openScreens(asking)
    await screens.submit(visit('/i/second-factor?typing=on&a=b'), { intent: 'send' })
    deepEqual(redirects, ['/i/second-factor?a=b'])
  })
})

describe('somebody who was let in by their phone', () => {
  const proven = signIn({ name: 'proven' }, { factors: ['push'] })

  it('brings along that they do not want to be asked again', async () => {
    const { screens, visit, finished, redirects } = openScreens(proven)
    await screens.submit(visit(), { intent: 'arrived', trust: 'on' })
    await screens.submit(visit(), { intent: 'arrived' })
    deepEqual(
      [finished, redirects],
      [
        [{ key: null }, null],
        ['/auth/uid', '/auth/uid'],
      ],
    )
  })

  it('wishes for nothing where something else let them in, or nothing did', async () => {
    const byCode = openScreens(signIn({ name: 'proven' }, { factors: ['push', 'recovery-code'] }))
    await byCode.screens.submit(byCode.visit(), { intent: 'arrived', trust: 'on' })
    deepEqual(byCode.finished, [null])
    const waiting = openScreens(asking)
    await waiting.screens.submit(waiting.visit(), { intent: 'arrived', trust: 'on' })
    deepEqual([waiting.finished, waiting.redirects], [[], ['/i/second-factor']])
  })
})

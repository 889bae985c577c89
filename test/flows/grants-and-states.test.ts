import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { embeddedStore, type Store } from '../../src/index.ts'
import { redisStore } from '../../src/stores/redis/redis-store.ts'
import { Browser } from '../support/browser.ts'
import type { MovableClock } from '../support/clock.ts'
import { redisUrl } from '../support/redis.ts'
import { clientMetadata, type JudgedHost, openJudgedHost } from './judged-host.ts'
import { type Answers, answers, type Prepared, prepare, type State, states } from './judged-states.ts'

/**
 * What everybody must be answered who asks, by any response type, transport or grant, for an account in any state.
 *
 * Pages: `login`, `ask` (for the second factor), `enrol`. Tokens: `sfa` (with amr pwd) and `mfa` (pwd, otp, mfa), in
 * every token alike; `done` where none is wanted, `machine` for one of nobody. Errors: `refused` is invalid_grant, `ask!`
 * interaction_required, `login!` login_required, `invalid!` invalid_token, `weak!` insufficient_user_authentication.
 * `late`: the approval is taken, and its exchange is invalid_grant. `-`: there is nothing that could be asked with.
 */
const table = [
  '                                 | two factors | password | no factor | weak    | old     | old level | locked  | disabled | removed | codes left | trusted | demanding',
  'code                             | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'id_token                         | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'code id_token                    | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'code token                       | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'id_token token                   | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'code id_token token              | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'none                             | done        | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | done    | ask      ',
  'pushed, code                     | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, id_token                 | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, code id_token            | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, code token               | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, id_token token           | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, code id_token token      | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'pushed, none                     | done        | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | done    | ask      ',
  'signed, code                     | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, id_token                 | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, code id_token            | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, code token               | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, id_token token           | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, code id_token token      | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'signed, none                     | done        | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | done    | ask      ',
  'silent, code                     | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, id_token                 | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, code id_token            | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, code token               | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, id_token token           | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, code id_token token      | mfa         | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'silent, none                     | done        | login!   | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | done    | ask!     ',
  'hinted, code                     | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, id_token                 | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, code id_token            | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, code token               | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, id_token token           | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, code id_token token      | mfa         | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | sfa     | ask!     ',
  'hinted, none                     | done        | -        | ask!      | ask!    | ask!    | ask!      | login!  | login!   | ask!    | ask!       | done    | ask!     ',
  'device, confirmed now            | mfa         | ask      | enrol     | ask     | ask     | ask       | login   | login    | enrol   | ask        | sfa     | ask      ',
  'authorization_code               | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | sfa     | refused  ',
  'refresh_token                    | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | sfa     | refused  ',
  'device_code                      | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | sfa     | refused  ',
  'CIBA, approved before            | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | sfa     | refused  ',
  'CIBA, approved now               | mfa         | -        | refused   | refused | mfa     | mfa       | refused | late     | refused | refused    | sfa     | refused  ',
  'CIBA, of no session              | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | mfa     | mfa        | refused | refused  ',
  'client_credentials               | machine     | -        | machine   | machine | machine | machine   | machine | machine  | machine | machine    | machine | machine  ',
  'own grant, asking nobody         | refused     | -        | refused   | refused | refused | refused   | refused | refused  | refused | refused    | refused | refused  ',
  'own grant, by admit              | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | refused | refused  ',
  'own grant, by a source token     | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | sfa     | refused  ',
  'userinfo                         | claims      | -        | claims    | claims  | claims  | claims    | claims  | invalid! | claims  | claims     | claims  | claims   ',
  'introspection                    | mfa         | -        | sfa       | sfa     | mfa     | mfa       | mfa     | mfa      | mfa     | mfa        | sfa     | sfa      ',
  'JWT, where two factors are asked | passed      | -        | weak!     | weak!   | passed  | passed    | passed  | passed   | passed  | passed     | weak!   | weak!    ',
  'JWT, where a minute is asked     | passed      | -        | passed    | passed  | weak!   | weak!     | passed  | passed   | passed  | passed     | passed  | passed   ',
  'refresh_token, of long ago       | mfa         | -        | refused   | refused | mfa     | mfa       | refused | refused  | refused | refused    | refused | refused  ',
]

const errorNames: Record<string, string> = {
  refused: 'invalid_grant',
  'ask!': 'interaction_required',
  'login!': 'login_required',
  'invalid!': 'invalid_token',
  'weak!': 'insufficient_user_authentication',
}

const cellsOf = (line: string): string[] => line.split('|').map((cell) => cell.trim())
const [columns = [], ...rows] = table.map(cellsOf)

const stores: Record<string, (clock: MovableClock) => Promise<Store>> = {
  'the embedded store': async (clock) => embeddedStore(':memory:', clock),
  Redis: async () =>
    redisStore({ url: await redisUrl(), tls: false, prefix: `${randomBytes(6).toString('hex')}:` }),
}

describe('the table of grants and states', () => {
  it('has a word for every grant in every state', () => {
    assert.deepEqual(columns.slice(1), Object.keys(states))
    assert.deepEqual(
      rows.map(([name]) => name),
      Object.keys(answers),
    )
    for (const row of rows) assert.equal(row.length, columns.length, row[0])
  })
})

for (const [name, open] of Object.entries(stores))
  describe(`grants and states, on ${name}`, function () {
    this.timeout(60_000)
    let host: JudgedHost
    before(async () => {
      host = await openJudgedHost(open)
    })
    after(() => host.close())

    columns.slice(1).forEach((column, index) => {
      describe(column, () => {
        let prepared: Prepared
        before(async () => {
          const accountId = `person-${index}`
          const clientId = `rp-${index}`
          const state = states[column] as State
          host.clients.set(clientId, { ...clientMetadata(clientId), ...state.client })
          prepared = await prepare({ host, accountId, clientId, secret: '', browser: new Browser() }, state)
        })
        after(() => {
          host.policy = 'strict'
        })

        for (const [row = '', ...words] of rows) {
          const expected = words[index] ?? ''
          if (expected === '-') continue
          it(`${row}: ${expected}`, async () => {
            const answer = (answers as Answers)[row]
            assert.equal(await answer?.(prepared), errorNames[expected] ?? expected)
          })
        }
      })
    })

    it('replaced by another of its kind: what the old one proved is asked again, and refused', async () => {
      host.clients.set('rp-replaced', clientMetadata('rp-replaced'))
      const at = { host, accountId: 'replaced', clientId: 'rp-replaced', secret: '', browser: new Browser() }
      const prepared = await prepare(at, {
        hasFactors: true,
        session: 'usual',
        async come({ accountId }) {
          const [app] = await host.directory.credentials(accountId)
          await host.addApp(accountId)
          await host.directory.removeCredentials(accountId, [app?.id as string])
        },
      })
      const said: Record<string, string | undefined> = {}
      for (const row of ['code', 'silent, code', 'authorization_code', 'refresh_token'])
        said[row] = await (answers as Answers)[row]?.(prepared)
      assert.deepEqual(said, {
        code: 'ask',
        'silent, code': 'interaction_required',
        authorization_code: 'invalid_grant',
        refresh_token: 'invalid_grant',
      })
    })
  })

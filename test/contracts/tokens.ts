import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Directory, Token } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import { someCredential, someToken } from './directory-samples.ts'

/** What nobody may be found by: not there, empty, a byte that text cannot hold, SQL. */
const strange = () => [randomUUID(), '', '\0', 'a\0b', "' or 1=1 --"]

const codeOf = (error: { code?: string }) => error.code

/** The inventory of hardware tokens: added all or none, given away by compare-and-set. */
export function tokensContract(opened: () => readonly [Directory, Directory]): void {
  let nodes: readonly [Directory, Directory]
  let directory: Directory
  before(() => {
    nodes = opened()
    directory = nodes[0]
  })

  /** So many tokens that nobody has, or one account. */
  const added = async (count: number, change: Partial<Token> = {}): Promise<Token[]> => {
    // With a letter in any case, so that there is another spelling.
    const prefix = `sn${randomUUID().slice(0, 8)}`
    const tokens = Array.from({ length: count }, (_, index) =>
      someToken({ serial: `${prefix}-${String(index).padStart(5, '0')}`, ...change }),
    )
    await directory.addTokens(tokens)
    return tokens
  }

  const one = async (change: Partial<Token> = {}): Promise<Token> => {
    const [token] = await added(1, change)
    assert.ok(token)
    return token
  }

  const serialsOf = (tokens: readonly Token[]) => tokens.map(({ serial }) => serial)

  /** Those of a test, among all that others have added. */
  const stillThere = async (tokens: readonly Token[]) => {
    const serials = new Set(serialsOf(tokens))
    return (await directory.tokens()).filter(({ serial }) => serials.has(serial))
  }

  describe('tokens', () => {
    it('come back as they were added, by serial number whatever the locale', async () => {
      const accountId = randomUUID()
      const prefix = `sn${randomUUID().slice(0, 8)}`
      const tokens = [
        someToken({ serial: `${prefix}-B`, kind: 'totp', importedAt: 2 ** 50 }),
        someToken({ serial: `${prefix}-Z`, manufacturer: null, model: null }),
        someToken({ serial: `${prefix}-a`, accountId }),
        someToken({ serial: `${prefix}:b`, kind: 'yubico', seed: '{"key":"é\\"📱"}', accountId }),
      ]
      await directory.addTokens(tokens.toReversed())
      assert.deepEqual(await stillThere(tokens), tokens)
      assert.deepEqual(await directory.tokens(accountId), tokens.slice(2))
      for (const token of tokens) assert.deepEqual(await directory.tokenBySerial(token.serial), token)
    })

    it('are not found by what nobody has, and no serial number is spelt in two ways', async () => {
      const { serial } = await one()
      for (const text of [...strange(), serial.toUpperCase(), ` ${serial}`, serial.slice(0, -1)]) {
        assert.equal(await directory.tokenBySerial(text), undefined)
        assert.equal((await directory.tokens(text)).length, 0)
      }
    })
  })

  describe('addTokens', () => {
    it('takes thousands at once, and none', async () => {
      const accountId = randomUUID()
      const tokens = await added(5_001, { accountId })
      // Without the difference, which takes minutes and gigabytes to make for so many.
      assert.ok(isDeepStrictEqual(await directory.tokens(accountId), tokens))
      await directory.addTokens([])
      assert.equal(await directory.removeTokens(serialsOf(tokens)), 5_001)
      assert.equal((await directory.tokens(accountId)).length, 0)
    }).timeout(60_000)

    it('adds none when the last of many is there, and names it', async () => {
      const there = await one({ seed: 'first' })
      for (const serial of [`0-${randomUUID()}`, `zz-${randomUUID()}`]) {
        const fresh = Array.from({ length: 1_200 }, (_, index) => someToken({ serial: `${serial}-${index}` }))
        await assert.rejects(directory.addTokens([...fresh, { ...there, seed: 'second' }]), {
          name: 'DuepassiError',
          code: 'token_exists',
          status: 409,
          message: new RegExp(`\\b${there.serial}\\b`),
        })
        assert.deepEqual(serialsOf(await stillThere([...fresh, there])).slice(0, 3), [there.serial])
        assert.deepEqual(await directory.tokenBySerial(there.serial), there)
      }
    }).timeout(60_000)

    it('adds none when one is there twice among them, and names it', async () => {
      const twice = someToken()
      for (const count of [1, 700]) {
        const fresh = Array.from({ length: count }, () => someToken())
        await assert.rejects(directory.addTokens([twice, ...fresh, twice]), {
          code: 'token_exists',
          message: new RegExp(twice.serial),
        })
        assert.equal((await stillThere([twice, ...fresh])).length, 0)
      }
    }).timeout(60_000)

    it('adds the tokens of one of 50 files that share a token, and nothing of the others', async () => {
      const shared = someToken()
      const files = Array.from({ length: 50 }, () => [someToken(), shared, someToken()])
      const outcomes = await fiftyTimes(nodes, (node, index) =>
        node.addTokens(files[index] ?? []).then(() => 'added', codeOf),
      )
      assert.equal(outcomes.filter((outcome) => outcome === 'added').length, 1)
      assert.equal(outcomes.filter((outcome) => outcome === 'token_exists').length, 49)
      assert.equal((await stillThere(files.flat())).length, 3)
    })

    it('never deadlocks, in whichever order two files have what they share', async () => {
      const tokens = Array.from({ length: 30 }, () => someToken())
      const outcomes = await fiftyTimes(nodes, (node, index) =>
        node.addTokens(index % 4 < 2 ? tokens : tokens.toReversed()).then(() => 'added', codeOf),
      )
      assert.deepEqual(outcomes.toSorted(), ['added', ...Array.from({ length: 49 }, () => 'token_exists')])
    })
  })

  describe('assignToken', () => {
    it('gives a token to an account, to another, and takes it back', async () => {
      const { serial } = await one()
      const other = await one()
      const [maria, anna] = [randomUUID(), randomUUID()]
      const holder = async () => (await directory.tokenBySerial(serial))?.accountId
      assert.equal(await directory.assignToken(serial, null, maria), true)
      assert.equal(await holder(), maria)
      assert.equal(await directory.assignToken(serial, maria, anna), true)
      assert.equal(await holder(), anna)
      assert.equal((await directory.tokens(maria)).length, 0)
      assert.deepEqual(serialsOf(await directory.tokens(anna)), [serial])
      assert.equal(await directory.assignToken(serial, anna, null), true)
      assert.equal(await holder(), null)
      assert.deepEqual(await directory.tokenBySerial(other.serial), other)
    })

    it('changes nothing where somebody else has it, or nobody, or there is no such token', async () => {
      const maria = randomUUID()
      const [free, hers] = [await one(), await one({ accountId: maria })]
      for (const expected of [maria, ...strange()])
        assert.equal(await directory.assignToken(free.serial, expected, randomUUID()), false)
      for (const expected of [null, 'null', ...strange()])
        assert.equal(await directory.assignToken(hers.serial, expected, randomUUID()), false)
      for (const serial of strange())
        assert.equal(await directory.assignToken(serial, null, randomUUID()), false)
      assert.deepEqual(await stillThere([free, hers]), [free, hers].sort(bySerial))
    })

    it('lets one of 50 at once win, from nobody and from somebody', async () => {
      const { serial } = await one()
      const race = async (expected: string | null): Promise<string | null> => {
        const people = Array.from({ length: 50 }, () => randomUUID())
        const outcomes = await fiftyTimes(nodes, (node, index) =>
          node.assignToken(serial, expected, people[index] ?? null),
        )
        assert.equal(outcomes.filter((won) => won === true).length, 1)
        const winner = people[outcomes.indexOf(true)] ?? null
        assert.equal((await directory.tokenBySerial(serial))?.accountId, winner)
        return winner
      }
      assert.ok(await race(await race(null)))
    })
  })

  it('keeps where the counter of a token stood when its credential is removed, however it is', async () => {
    for (const remove of [
      (accountId: string) => directory.removeCredentials(accountId),
      (accountId: string, id: string) => directory.removeCredentials(accountId, [id], () => true),
    ]) {
      const [token, other] = [someToken(), someToken()]
      await directory.addTokens([token, other])
      const credential = someCredential({ factor: 'hardware-token', handle: token.serial, counter: 41 })
      await directory.addCredential(credential)
      assert.equal((await directory.tokenBySerial(token.serial))?.counter, null)
      assert.ok(await directory.spend(credential.id, 41, 42, 1))
      assert.equal(await remove(credential.accountId, credential.id), 1)
      assert.equal((await directory.tokenBySerial(token.serial))?.counter, 42)
      assert.equal((await directory.tokenBySerial(other.serial))?.counter, null)
    }
  })

  describe('removeTokens', () => {
    it('removes the named ones, and answers how many there were', async () => {
      const [gone, other, kept] = await added(3)
      assert.ok(gone && other && kept)
      const named = [gone.serial, other.serial, gone.serial, ...strange()]
      assert.equal(await directory.removeTokens(named), 2)
      assert.equal(await directory.removeTokens(named), 0)
      assert.equal(await directory.removeTokens([]), 0)
      assert.deepEqual(await stillThere([gone, other, kept]), [kept])
      await directory.addTokens([gone])
    })

    it('counts each once when 50 remove them at once, in any order', async () => {
      const serials = serialsOf(await added(20))
      const counts = await fiftyTimes(nodes, (node, index) =>
        node.removeTokens(index % 4 < 2 ? serials : serials.toReversed()),
      )
      assert.equal(
        counts.reduce((sum: number, count) => sum + Number(count), 0),
        20,
      )
    })
  })
}

const bySerial = (a: Token, b: Token) => (a.serial < b.serial ? -1 : 1)

import assert from 'node:assert/strict'
import { DuepassiError } from '../src/errors.ts'
import { accessLogOf, createLog, currentRequestId, type Log, withRequestId } from '../src/log.ts'

describe('log', () => {
  const written = (write: (log: Log) => void, level = 'trace'): string[] => {
    const lines: string[] = []
    write(createLog(level, { write: (line) => void lines.push(line) }))
    return lines
  }
  const one = (write: (log: Log) => void): Record<string, unknown> => {
    const [line, ...more] = written(write)
    assert.deepEqual(more, [])
    return JSON.parse(line ?? '')
  }

  it('writes JSON lines with time and level', () => {
    const line = one((log) => log.info({ status: 200 }, 'request'))
    assert.equal(line.level, 'info')
    assert.equal(line.msg, 'request')
    assert.equal(line.status, 200)
    assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/)
  })

  it('carries the id of the request, across awaits, and of no other', async () => {
    const lines: string[] = []
    const log = createLog('info', { write: (line) => void lines.push(line) })
    const request = (id: string) =>
      withRequestId(id, async () => {
        await new Promise(setImmediate)
        assert.equal(currentRequestId(), id)
        log.info(id)
      })
    await Promise.all(['one', 'two', 'three'].map(request))
    log.info('outside')
    for (const line of lines.map((text) => JSON.parse(text))) {
      assert.equal(line.requestId, line.msg === 'outside' ? undefined : line.msg)
    }
    assert.equal(lines.length, 4)
  })

  it('hides what is named like a secret, at any depth, at every level', () => {
    const secret = 'hunter2hunter2'
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) {
      const names = [
        'password',
        'passwordHash',
        'code',
        'answer',
        'secret',
        'seed',
        'token',
        'cookie',
        'Set-Cookie',
        'authorization',
        'client_secret',
        'clientSecret',
        'access_token',
        'refresh_token',
        'id_token',
        'code_verifier',
        'key',
        'keys',
        'url',
        'newPassword',
        'recoveryCodes',
      ]
      for (const name of names) {
        for (const record of [
          { [name]: secret },
          { a: { [name]: [secret] } },
          { a: [{ b: { c: { [name]: { x: secret } } } }] },
        ]) {
          const [line] = written((log) => log[level](record, 'x'))
          assert.ok(line && !line.includes(secret), line)
        }
      }
      const [deep] = written((log) =>
        log[level]({ a: { b: { c: { d: { e: { f: { g: { h: secret } } } } } } } }, 'x'),
      )
      assert.doesNotMatch(deep ?? '', /hunter2/)
    }
  })

  it('hides what looks like a secret inside texts and messages', () => {
    const jwt = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"x"}').toString('base64url')}.c2lnbmF0dXJl`
    for (const [text, hidden] of [
      [`token ${jwt} refused`, jwt],
      ['connect postgres://duepassi:hunter2@db:5432/x', 'hunter2'],
      ['redis://:hunter2@r', 'hunter2'],
      ['otpauth://totp/x?secret=HUNTERTWO&issuer=y', 'HUNTERTWO'],
      ['GET /cb?state=1&code=hunter2&x=1', 'hunter2'],
      ['Authorization: Bearer hunter2', 'hunter2'],
    ] as const) {
      for (const line of [
        one((log) => log.info(text)),
        one((log) => log.info({ note: text }, 'x')),
        one((log) => log.error(new Error(text))),
      ]) {
        assert.ok(!JSON.stringify(line).includes(hidden), JSON.stringify(line))
      }
    }
  })

  it('keeps of an error what helps, and nothing that a driver hung on it', () => {
    const driver = Object.assign(new Error('WRONGTYPE'), {
      command: { name: 'set', args: ['k', 'hunter2'] },
      code: '123456',
    })
    const line = one((log) =>
      log.error({ err: new DuepassiError('store_unavailable', 'no answer', { cause: driver }) }, 'failed'),
    )
    const err = line.err as Record<string, unknown>
    assert.equal(err.code, 'store_unavailable')
    assert.match(String(err.stack), /log\.test/)
    assert.equal((err.cause as Record<string, unknown>).message, 'WRONGTYPE')
    assert.doesNotMatch(JSON.stringify(line), /hunter2|123456/)
  })

  it('keeps to its level', () => {
    assert.deepEqual(
      written((log) => log.debug('x'), 'info'),
      [],
    )
  })

  it('writes the lines of requests to the same place, in the same form', () => {
    const lines: string[] = []
    const log = createLog('info', { write: (line) => void lines.push(line) })
    accessLogOf(log).info({ requestId: 'one', path: '/token', status: 200 }, 'request')
    accessLogOf(log).debug({ path: '/health/live' }, 'request')
    const [line, ...more] = lines.map((text) => JSON.parse(text))
    assert.deepEqual(more, [])
    const { time, ...rest } = line
    assert.match(time, /^\d{4}-\d\d-\d\dT/)
    assert.deepEqual(rest, { level: 'info', requestId: 'one', path: '/token', status: 200, msg: 'request' })
  })
})

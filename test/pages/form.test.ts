import { deepEqual, rejects, throws } from 'node:assert/strict'
import { createServer, IncomingMessage, request } from 'node:http'
import { Socket } from 'node:net'
import { guardCrossSite, readForm } from '../../src/pages/form.ts'

const urlencoded = 'application/x-www-form-urlencoded'

/** Sends one request to a server that reads it as a form, and answers the fields or the error's code. */
async function post(
  body: string,
  contentType = urlencoded,
  before?: (req: IncomingMessage) => Promise<void>,
) {
  const server = createServer(async (req, res) => {
    await before?.(req)
    const read = await readForm(req).then(
      (fields) => ({ fields }),
      (error: { code?: string; status?: number }) => ({ refused: error.code, status: error.status }),
    )
    res.end(JSON.stringify(read))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const req = request(
        { port, host: '127.0.0.1', method: 'POST', headers: { 'content-type': contentType } },
        (res) => {
          let text = ''
          res.setEncoding('utf8')
          res.on('data', (chunk) => {
            text += chunk
          })
          res.on('end', () => resolve(JSON.parse(text)))
        },
      )
      req.on('error', reject)
      req.end(body)
    })
  } finally {
    server.close()
  }
}

const refused = { refused: 'bad_form', status: 400 }

describe('readForm', () => {
  it('reads an urlencoded form', async () => {
    deepEqual(await post('intent=answer&code=123+456&name=%C3%A8'), {
      fields: { intent: 'answer', code: '123 456', name: 'è' },
    })
    deepEqual(await post('a=1', `${urlencoded}; charset=UTF-8`), { fields: { a: '1' } })
    deepEqual(await post(''), { fields: {} })
  })

  it('refuses another content type', async () => {
    deepEqual(await post('{"a":"1"}', 'application/json'), refused)
    deepEqual(await post('a=1', 'text/plain'), refused)
    deepEqual(await post('a=1', 'multipart/form-data; boundary=x'), refused)
  })

  it('refuses a field that is given twice', async () => {
    deepEqual(await post('code=1&code=2'), refused)
  })

  it('refuses more than 56 kB', async () => {
    deepEqual(await post(`a=${'x'.repeat(56 * 1024)}`), refused)
    deepEqual(await post(`a=${'x'.repeat(2_000_000)}`), refused)
  })

  it('refuses a body that somebody else read', async () => {
    const drain = async (req: IncomingMessage) => {
      for await (const _chunk of req);
    }
    deepEqual(await post('a=1', urlencoded, drain), refused)
  })

  it('knows no field but those that were sent', async () => {
    const req = Object.assign(new IncomingMessage(new Socket()), { body: { intent: 'answer' } })
    const fields = await readForm(req)
    deepEqual([fields.constructor, fields.toString, fields.intent], [undefined, undefined, 'answer'])
  })

  it('takes what a body parser of the host left, if it is text', async () => {
    const parsed = (body: unknown) => readForm(Object.assign(new IncomingMessage(new Socket()), { body }))
    deepEqual({ ...(await parsed({ code: '1' })) }, { code: '1' })
    for (const body of [{ code: ['1', '2'] }, { code: { a: '1' } }, { code: 1 }, 'code=1', ['x'], null]) {
      await rejects(parsed(body), { code: 'bad_form' })
    }
  })
})

describe('guardCrossSite', () => {
  const own = 'https://id.example'
  const guard = (method: string, headers: Record<string, string>) => {
    const req = new IncomingMessage(new Socket())
    Object.assign(req, { method })
    Object.assign(req.headers, headers)
    return () => guardCrossSite(req, own)
  }
  const crossSite = { code: 'cross_site', status: 403 }

  it('lets reading through', () => {
    guard('GET', { 'sec-fetch-site': 'cross-site' })()
    guard('HEAD', {})()
  })

  it('lets our own pages through', () => {
    guard('POST', { 'sec-fetch-site': 'same-origin' })()
    guard('POST', { 'sec-fetch-site': 'same-origin', origin: 'null' })()
    guard('POST', { origin: own })()
  })

  it('refuses everybody else', () => {
    throws(guard('POST', {}), crossSite)
    for (const site of ['cross-site', 'same-site', 'none', 'same-origin, same-origin']) {
      throws(guard('POST', { 'sec-fetch-site': site, origin: own }), crossSite)
    }
    for (const origin of [
      'https://evil.example',
      'null',
      'https://id.example.evil',
      'http://id.example',
      '',
    ]) {
      throws(guard('POST', { origin, host: 'id.example' }), crossSite)
    }
    throws(guard('DELETE', {}), crossSite)
  })
})

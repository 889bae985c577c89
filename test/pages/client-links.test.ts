import assert from 'node:assert/strict'
import { describeClient } from '../../src/interaction/visit.ts'
import { createPages } from '../../src/pages/render.ts'
import type { Language, PageClient, ViewName, Views } from '../../src/pages/views.ts'

const pages = createPages({ brand: { name: 'Duepassi' }, secure: true })

const mainOf = <View extends ViewName>(
  view: View,
  locals: Views[View],
  client?: PageClient,
  language: Language = 'en',
) => {
  const { body } = pages.render({ view, language, locals, ...(client && { client }) } as never)
  return /<main.*<\/main>/s.exec(body)?.[0] ?? ''
}

const shop: PageClient = {
  name: 'Shop',
  policyUri: 'https://shop.example/policy?a=1&b=2',
  tosUri: 'https://shop.example/terms',
}

const linksOn = (html: string) => html.match(/<a [^>]*target="_blank"[^>]*>[^<]*<\/a>/g) ?? []

describe('links of a relying party', () => {
  for (const [view, locals] of [
    ['interaction/login', {}],
    ['interaction/consent', { scopes: ['profile'] }],
  ] as const) {
    it(`stand on ${view}, without handing the window over`, () => {
      assert.deepEqual(linksOn(mainOf(view, locals as never, shop)), [
        '<a href="https://shop.example/policy?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">Privacy policy</a>',
        '<a href="https://shop.example/terms" target="_blank" rel="noopener noreferrer">Terms of service</a>',
      ])
    })

    it(`are not on ${view} where it has none, or none of the web`, () => {
      const { name } = shop
      for (const client of [
        undefined,
        { name },
        { name, policyUri: 'javascript:alert(1)', tosUri: 'data:x' },
      ])
        assert.deepEqual(linksOn(mainOf(view, locals as never, client)), [])
    })
  }

  it('may be one alone, and in Italian', () => {
    const { name, tosUri = '' } = shop
    const [link, ...others] = linksOn(mainOf('interaction/login', {}, { name, tosUri }, 'it'))
    assert.match(link ?? '', />Condizioni di servizio</)
    assert.deepEqual(others, [])
  })

  it('come from the metadata', () => {
    assert.deepEqual(
      describeClient({
        clientId: 'shop',
        clientName: 'Shop',
        clientUri: 'https://shop.example/',
        logoUri: 'https://shop.example/logo.png',
        policyUri: 'https://shop.example/policy',
        tosUri: 'https://shop.example/terms',
      }),
      {
        name: 'Shop',
        uri: 'https://shop.example/',
        logoUri: 'https://shop.example/logo.png',
        policyUri: 'https://shop.example/policy',
        tosUri: 'https://shop.example/terms',
      },
    )
  })
})

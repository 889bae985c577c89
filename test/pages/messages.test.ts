import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import { languages } from '../../src/pages/language.ts'
import { durationInWords, errorText, loadTranslators } from '../../src/pages/messages.ts'
import { plainErrorKeys, waitErrorKeys } from '../../src/pages/views.ts'

const views = new URL('../../views/', import.meta.url)
const read = (path: string): Record<string, string> => JSON.parse(readFileSync(new URL(path, views), 'utf8'))
const kindsOf = (language: string): string[] => readdirSync(new URL(`messages/${language}/`, views)).sort()
/** `mail` is one file for each language, `messages` one for each kind of key. */
const catalogue = (folder: string, language: string): Record<string, string> =>
  folder === 'mail'
    ? read(`mail/${language}.json`)
    : Object.assign({}, ...kindsOf(language).map((name) => read(`messages/${language}/${name}`)))

/** Names of the arguments of a message, also of those inside plurals and selects. */
function argumentsOf(text: string): string[] {
  const names = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    // In the syntax tree type 0 is text and 7 is `#`; everything else that has a value is an argument.
    if ('type' in node && node.type !== 0 && 'value' in node && typeof node.value === 'string')
      names.add(node.value)
    Object.values(node).forEach(visit)
  }
  visit(new IntlMessageFormat(text, 'en', undefined, { ignoreTag: true }).getAst())
  return [...names].sort()
}

for (const folder of ['messages', 'mail']) {
  describe(`catalogues of ${folder}`, () => {
    it('have the same keys in the same order', () => {
      deepEqual(Object.keys(catalogue(folder, 'it')), Object.keys(catalogue(folder, 'en')))
    })

    it('have the same arguments', () => {
      const italian = catalogue(folder, 'it')
      for (const [key, text] of Object.entries(catalogue(folder, 'en'))) {
        deepEqual(argumentsOf(italian[key] ?? ''), argumentsOf(text), key)
      }
    })

    it('hold no straight apostrophe, which quotes in ICU messages', () => {
      for (const language of languages) {
        for (const [key, text] of Object.entries(catalogue(folder, language)))
          ok(!text.includes("'"), `${language} ${key}`)
      }
    })
  })
}

describe('messages', () => {
  it('stand in the file of their kind, each once', () => {
    for (const language of languages)
      for (const name of kindsOf(language))
        for (const key of Object.keys(read(`messages/${language}/${name}`))) {
          const kind = { factor: 'factors', error: 'errors' }[key.split('.')[0] ?? ''] ?? 'pages'
          equal(name, `${kind}.json`, `${language} ${key}`)
        }
    deepEqual(kindsOf('it'), kindsOf('en'))
  })

  const translators = loadTranslators()

  it('are all used, and every key used in the views exists', () => {
    const sources = readdirSync(views, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ejs'))
      .map((path) => readFileSync(new URL(path, views), 'utf8'))
    const used = sources.flatMap((source) =>
      [...source.matchAll(/it\.t\(\s*(['`])(.+?)\1/g)].map(([, , key]) => key ?? ''),
    )
    ok(used.length > 50)
    const keys = Object.keys(catalogue('messages', 'en'))
    const usedKeys = new Set<string>([...plainErrorKeys, ...waitErrorKeys, 'error.code.clock'])
    for (const key of used) {
      const pattern = new RegExp(`^${key.replaceAll('.', '\\.').replaceAll(/\$\{.+?\}/g, '[\\w-]+')}$`)
      const found = keys.filter((candidate) => pattern.test(candidate))
      ok(found.length > 0, `no message ${key}`)
      for (const candidate of found) usedKeys.add(candidate)
    }
    deepEqual([...usedKeys].sort(), keys.sort())
  })

  it('refuse an unknown key and a missing value', () => {
    throws(() => translators.en('no.such.key'), /no message no\.such\.key in en/)
    throws(() => translators.en('constructor'), /no message/)
    throws(() => translators.it('layout.footer'), /brand/)
  })

  it('choose the plural', () => {
    equal(translators.it('recovered.left', { left: 1 }), 'Ti resta 1 codice di recupero.')
    equal(translators.it('recovered.left', { left: 9 }), 'Ti restano 9 codici di recupero.')
    equal(translators.en('recovered.left', { left: 0 }), 'That was your last recovery code.')
  })

  it('leave markup in values alone', () => {
    equal(translators.en('account.is', { name: '<b>{x}</b>' }), 'Signing in as <b>{x}</b>')
  })
})

describe('durationInWords', () => {
  it('speaks like people', () => {
    equal(durationInWords('en', 1), '1 second')
    equal(durationInWords('it', 30), '30 secondi')
    equal(durationInWords('en', 70), '1 minute and 10 seconds')
    equal(durationInWords('it', 70), '1 minuto e 10 secondi')
    equal(durationInWords('it', 3600), '1 ora')
    equal(durationInWords('en', 5400), '1 hour and 30 minutes')
  })

  it('rounds up, so that nobody comes too early', () => {
    equal(durationInWords('en', 0.2), '1 second')
    equal(durationInWords('en', 0), '1 second')
    equal(durationInWords('en', 29.1), '30 seconds')
    equal(durationInWords('en', 301), '6 minutes')
  })
})

describe('errorText', () => {
  it('says by how much the clock is off, and to which side', () => {
    const { en, it: italian } = loadTranslators()
    const behind = { key: 'error.code.clock', values: { seconds: 70, direction: 'behind' } } as const
    match(errorText('it', italian, behind), /L’orologio del telefono è indietro di 1 minuto e 10 secondi/)
    const ahead = { key: 'error.code.clock', values: { seconds: 60, direction: 'ahead' } } as const
    match(errorText('en', en, ahead), /The clock of your phone is 1 minute fast/)
  })

  it('says the wait in words', () => {
    const { it: italian } = loadTranslators()
    match(errorText('it', italian, { key: 'error.code.wait', values: { seconds: 30 } }), /Attendi 30 secondi/)
  })
})

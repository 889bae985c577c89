import { deepEqual, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../views/authenticator/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const catalogue = (language: string): Record<string, string> => JSON.parse(read(`${language}.json`))
const valuesOf = (text = '') => (text.match(/\{\w+\}/g) ?? []).sort()

describe('the texts of the authenticator app', () => {
  const [english, italian] = [catalogue('en'), catalogue('it')]

  it('are the same in both languages, with the same values', () => {
    deepEqual(Object.keys(italian), Object.keys(english))
    for (const [key, text] of Object.entries(english)) {
      deepEqual(valuesOf(italian[key]), valuesOf(text), key)
      ok(!`${text}${italian[key]}`.includes("'"), key)
    }
  })

  it('exist wherever the app names them', () => {
    const keys = Object.keys(english)
    const sources = readdirSync(folder)
      .filter((name) => name.endsWith('.js'))
      .map(read)
    const named = sources.flatMap((source) =>
      [...source.matchAll(/\b(?:t|part)\(\s*(['`])(.+?)\1/g)].map(([, , key = '']) => key),
    )
    ok(named.length > 100)
    for (const key of named) {
      const pattern = new RegExp(
        `^${key.replaceAll('.', '\\.').replaceAll(/\$\{.+?\}/g, '[\\w-]+(\\.[\\w-]+)*')}$`,
      )
      ok(
        keys.some((candidate) => pattern.test(candidate)),
        key,
      )
    }
  })

  it('have a title and a sentence for whatever can end', () => {
    for (const code of ['request_gone', 'wrong', 'unverified', 'malformed', 'locked', 'wait'])
      ok(`request.${code}.title` in english && `request.${code}.text` in english, code)
    for (const code of ['offline', 'unreachable', 'unexpected', 'device_unknown', 'cancelled'])
      ok(`error.${code}.title` in english && `error.${code}.text` in english, code)
  })
})

/** How something ended: a sign, a sentence, and what to do now. */
import { ApiError } from './api.js'
import { button, el, icon, paragraph } from './dom.js'
import { define, goHome, render } from './screen.js'
import { has, t } from './texts.js'

const pictures = { good: 'check', bad: 'warning', neutral: 'x' }

/**
 * @param kind 'good', 'bad' or 'neutral'
 * @param values of the texts `<key>.title` and `<key>.text`
 * @param actions instead of the one that leads home
 */
export const showOutcome = (kind, key, values = {}, actions) =>
  render({
    title: t(`${key}.title`, values),
    kind: 'outcome',
    back: false,
    above: [el('span', { class: `sign ${kind}` }, icon(pictures[kind]))],
    content: [paragraph(t(`${key}.text`, values))],
    actions: actions ?? [button(t('done'), 'primary', goHome)],
  })

define('outcome', ({ kind, key, values }) => showOutcome(kind, key, values))

/** The key of the texts for what went wrong, within one part of the app or anywhere. */
export const errorKey = (part, error) => {
  const code = codeOf(error)
  return [`${part}.${code}`, `error.${code}`].find((key) => has(`${key}.title`)) ?? 'error.unexpected'
}

const codeOf = (error) => {
  if (error instanceof ApiError) return error.code
  if (error?.name === 'NotAllowedError' || error?.name === 'AbortError') return 'cancelled'
  if (error?.name === 'InvalidStateError') return 'known'
  console.error(error)
  return error?.name === 'QuotaExceededError' ? 'storage' : 'unexpected'
}

/** One sentence, for where a screen stays as it is. */
export const errorText = (part, error) => {
  const key = errorKey(part, error)
  return `${t(`${key}.title`)}. ${t(`${key}.text`, { seconds: error?.seconds ?? 60 })}`
}

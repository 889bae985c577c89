/** One request: what is asked, by whom and from where, and the three answers; and one that nobody answered. */
import { ApiError, call } from './api.js'
import { button, el, note, paragraph, whileBusy } from './dom.js'
import { facts, party } from './facts.js'
import { numberField } from './number-field.js'
import { errorKey, showOutcome } from './outcome.js'
import { clearNotifications } from './push.js'
import { again, define, go, goHome, isShown, onLeave, render } from './screen.js'
import {
  changes,
  dropRequest,
  expire,
  hasEnded,
  keepLooking,
  missedOf,
  requestOf,
  state,
  timeLeft,
} from './state.js'
import { clock, t } from './texts.js'

const keys = globalThis.duepassiAuthenticator
/** After these the request is still open, and can be answered again. */
const open = ['cancelled', 'offline', 'unreachable', 'wait', 'unexpected']

define('request', ({ id }) => {
  const request = requestOf(id)
  if (request && timeLeft(request) > 0) showRequest(request)
  // Back by the back button to what was answered.
  else if (hasEnded(id)) goHome()
  else void findRequest(id)
})

/** From a notification: it is asked for first. */
const findRequest = async (id) => {
  render({ title: t('request.opening'), content: [el('p', { class: 'spinner', 'aria-hidden': 'true' })] })
  await keepLooking()
  if (!isShown('request', id)) return
  const request = requestOf(id)
  if (request && timeLeft(request) > 0) return again()
  if (!state.trouble) return showOver(id)
  showOutcome('bad', errorKey('request', new ApiError(state.trouble)), {}, [
    button(t('retry'), 'primary', () => again()),
    button(t('to-accounts'), 'plain', goHome),
  ])
}

const showWhatBecame = async (id) => {
  await keepLooking()
  if (isShown('request', id)) showOver(id)
}

/** What waits now comes first; what nobody answered can still be somebody else's. */
const showOver = (id) => {
  if (state.requests.length === 0 && missedOf(id)) return go('missed', { id }, { replace: true })
  showGone()
}

const showGone = () => {
  const [newer] = state.requests
  if (!newer) return showOutcome('neutral', 'request.request_gone')
  showOutcome('neutral', 'request.superseded', {}, [
    button(t('request.see-newer'), 'primary', () => go('request', { id: newer.id }, { replace: true })),
  ])
}

const showRequest = (request) => {
  const { digits, kind } = request
  const told = el('div', { class: 'told', role: 'alert' })
  const approve = button(
    t('request.approve'),
    'primary',
    () => answer(request, 'approve', approve, number, told),
    {
      picture: 'check',
    },
  )
  const deny = button(t(kind === 'test' ? 'request.stop' : 'request.deny'), 'plain', () =>
    answer(request, 'deny', deny, number, told),
  )
  const number =
    digits > 0 &&
    numberField({
      digits,
      label: t('request.number'),
      hint: t('request.number-hint'),
      oncomplete: (complete) => {
        approve.disabled = !complete
      },
    })
  number?.input?.addEventListener(
    'keydown',
    ({ key }) => key === 'Enter' && !approve.disabled && approve.click(),
  )
  const report = () => go('report', { id: request.id })
  render({
    title: t(`request.title-${kind}`),
    kind: 'request',
    above: [party(request)],
    content: [
      kind === 'test' && paragraph(t('request.test-text')),
      request.facts.bindingMessage && bindingMessage(request),
      facts(request),
      number?.field,
      told,
    ],
    actions: [
      remaining(request),
      el('div', { class: 'answers' }, deny, approve),
      kind !== 'test' && button(t('request.not-me'), 'quiet not-me', report),
    ],
  })
  watch(request)
}

/** Verbatim: the person compares it with what the other side says. */
const bindingMessage = ({ facts: { app, bindingMessage: message } }) =>
  el(
    'figure',
    { class: 'message' },
    el('figcaption', {}, t('request.message', { app: app.name })),
    el('blockquote', {}, message),
  )

const remaining = (request) => {
  const text = el('span', {}, '')
  const bar = el('progress', { max: 1, 'aria-hidden': 'true' })
  const whole = Math.max(timeLeft(request), request.expiresAt - (request.facts.at ?? request.expiresAt))
  const tick = () => {
    const left = timeLeft(request)
    bar.value = Math.max(0, left / whole)
    text.textContent = t('request.left', { time: clock(left) })
    bar.parentElement?.classList.toggle('late', left < 15_000)
  }
  tick()
  const timer = setInterval(tick, 500)
  onLeave(() => clearInterval(timer))
  return el('p', { class: 'remaining' }, bar, text)
}

/** Over by time, by a newer one, or because it was answered elsewhere. */
const watch = (request) => {
  const check = () => {
    const busy = document.querySelector('#screen [aria-busy]')
    if (busy || !isShown('request', request.id)) return
    if (timeLeft(request) > 0 && requestOf(request.id)) return
    stop()
    expire(request.id)
    void showWhatBecame(request.id)
  }
  const timer = setInterval(check, 500)
  changes.addEventListener('requests', check)
  const stop = () => {
    clearInterval(timer)
    changes.removeEventListener('requests', check)
  }
  onLeave(stop)
}

const send = async ({ id, nonce, shown, device }, decision, num) => {
  const body = JSON.parse(await keys.decide(device, { id, nonce, shown, decision, num }))
  return call('POST', `requests/${encodeURIComponent(id)}/decision`, { device, body })
}

const answer = async (request, decision, pressed, number, told) => {
  told.replaceChildren()
  const num = decision === 'approve' && number ? number.value() : undefined
  const busy = t(decision === 'approve' ? 'request.verifying' : 'request.sending')
  try {
    const { outcome } = await whileBusy(pressed, busy, () => send(request, decision, num))
    finish(request, outcome)
  } catch (error) {
    const key = errorKey('request', error)
    const isOpen = timeLeft(request) > 0 || missedOf(request.id)
    if (open.some((code) => key.endsWith(`.${code}`)) && isOpen)
      return told.replaceChildren(retryNote(key, error))
    fail(request, key, error)
  }
}

const retryNote = (key, error) =>
  note(
    'bad',
    'warning',
    el('strong', {}, t(`${key}.title`)),
    el('p', {}, t(`${key}.text`, { seconds: error.seconds ?? 60 })),
  )

const fail = (request, key, error) => {
  if (key.endsWith('.request_gone') && isShown('request', request.id)) {
    expire(request.id)
    return void showWhatBecame(request.id)
  }
  dropRequest(request.id)
  void clearNotifications()
  if (key.endsWith('.device_unknown')) state.said.set(request.device.thumbprint, { forgotten: true })
  const kind = key.endsWith('request_gone') ? 'neutral' : 'bad'
  go('outcome', { kind, key, values: { seconds: error.seconds ?? 60 } }, { replace: true })
}

const finish = ({ id, kind, device, facts: { app } }, outcome) => {
  const late = missedOf(id)
  dropRequest(id)
  void clearNotifications()
  // It was the person after all: there is nothing to say.
  if (late && outcome === 'denied') return goHome()
  if (late) return showOutcomeOf('reported', 'outcome.reported-late', { account: device.label })
  const what = kind === 'test' && outcome === 'approved' ? 'ready' : outcome
  if (what === 'ready')
    state.said.set(device.thumbprint, { ...state.said.get(device.thumbprint), phase: 'active' })
  const key = what === 'approved' && kind === 'backchannel' ? 'outcome.agreed' : `outcome.${what}`
  showOutcomeOf(what, key, { app: app.name, account: device.label })
}

const signs = { approved: 'good', ready: 'good', reported: 'good', denied: 'neutral' }
const showOutcomeOf = (what, key, values) =>
  go('outcome', { kind: signs[what] ?? 'neutral', key, values }, { replace: true })

define('missed', ({ id }) => {
  const request = missedOf(id)
  if (!request) return hasEnded(id) ? goHome() : void findRequest(id)
  const told = el('div', { class: 'told', role: 'alert' })
  // Nothing happens by it, and it is asked no more.
  const mine = button(t('missed.mine'), 'plain', () => answer(request, 'deny', mine, undefined, told))
  render({
    title: t('missed.title'),
    kind: 'request',
    above: [party(request)],
    content: [paragraph(t('missed.text')), facts(request), told],
    actions: [mine, button(t('request.not-me'), 'quiet not-me', () => go('report', { id }))],
  })
})

define('report', ({ id }) => {
  const late = missedOf(id)
  const request = requestOf(id) ?? late
  if (!request) return hasEnded(id) ? goHome() : showGone()
  const told = el('div', { class: 'told', role: 'alert' })
  const yes = button(t('report.yes'), 'danger', () => answer(request, 'report', yes, undefined, told))
  render({
    title: t('report.title'),
    above: [party(request)],
    content: [
      paragraph(t('report.text')),
      el(
        'ul',
        { class: 'asks' },
        [late ? 'ends-all' : 'ends', 'silent', 'password', 'told'].map((what) =>
          el('li', {}, t(`report.${what}`)),
        ),
      ),
      !late && paragraph(t('report.otherwise'), 'hint after'),
      told,
    ],
    actions: [yes, button(t('report.no'), 'plain', () => history.back())],
  })
})

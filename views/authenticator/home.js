/** The accounts of this phone, and what waits for an answer. */
import { breakable, button, el, icon, mark, note, paragraph } from './dom.js'
import { initialOf } from './facts.js'
import { installHint } from './install.js'
import { announce, define, go, isShown, onLeave, render } from './screen.js'
import { changes, keepLooking, state, timeLeft } from './state.js'
import { ago, clock, t } from './texts.js'

/** Requests that came up by themselves once; left by the back button they stay in the list. */
const broughtUp = new Set()

define('home', () => {
  show()
  const changed = () => {
    if (!isShown('home') || bringUp()) return
    // A press that is under way must still hit what it was meant for.
    show(true)
  }
  changes.addEventListener('requests', changed)
  changes.addEventListener('devices', changed)
  onLeave(() => {
    changes.removeEventListener('requests', changed)
    changes.removeEventListener('devices', changed)
  })
  // Not before this screen stands: bringing up shows another one.
  queueMicrotask(() => isShown('home') && bringUp())
})

/** Somebody who opens the app while one request waits opened it for that. */
const bringUp = () => {
  const [only, ...others] = state.requests
  if (!only || others.length > 0 || broughtUp.has(only.id) || timeLeft(only) <= 0) return false
  broughtUp.add(only.id)
  go('request', { id: only.id })
  holdPresses()
  return true
}

/** A press that was meant for the screen before must not answer. */
const holdPresses = () => {
  const actions = document.querySelector('.actions')
  actions.inert = true
  setTimeout(() => {
    actions.inert = false
  }, 500)
}

const show = (quiet = false) => (state.devices.length > 0 ? showAccounts(quiet) : showWelcome(quiet))

const showWelcome = (quiet) =>
  render({
    title: t('welcome.title'),
    kind: 'welcome',
    above: [mark('large')],
    content: [
      paragraph(t('welcome.text')),
      el(
        'ul',
        { class: 'points' },
        [
          ['shield', 'number'],
          ['lock', 'keys'],
          ['code', 'offline'],
        ].map(([picture, key]) => el('li', {}, icon(picture), el('p', {}, t(`welcome.${key}`)))),
      ),
      installHint(),
    ],
    actions: [button(t('home.add'), 'primary', () => go('add'), { picture: 'plus' })],
    quiet,
  })

const showAccounts = (quiet) => {
  const focused = quiet && document.activeElement?.dataset?.key
  render({
    title: t('home.title'),
    kind: 'home',
    content: [
      state.trouble && offlineNote(),
      state.requests.length > 0 ? waiting() : listens() && el('p', { class: 'idle' }, t('home.idle')),
      state.missed.length > 0 && missed(),
      el('ul', { class: 'accounts' }, state.devices.map(account)),
    ],
    actions: [button(t('home.add'), 'plain', () => go('add'), { picture: 'plus', 'data-key': 'add' })],
    quiet,
  })
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
}

/** At least one account can be asked, and no more was to be said. */
const listens = () => !state.trouble && state.devices.some((device) => statusOf(device)?.name !== 'forgotten')

const offlineNote = () => {
  const key = state.trouble === 'offline' ? 'home.offline' : 'home.unreachable'
  const retry = button(t('retry'), 'text', () => void keepLooking(), { 'data-key': 'retry' })
  return note('quiet', 'warning', el('strong', {}, t(key)), el('p', {}, t('home.codes-work')), retry)
}

const waiting = () => {
  announce(t('home.waiting'))
  return el(
    'section',
    { class: 'waiting', 'aria-labelledby': 'waiting' },
    el('h2', { id: 'waiting' }, t('home.waiting')),
    el('ul', { class: 'cards' }, state.requests.map(waitingRequest)),
  )
}

const waitingRequest = (request) => {
  const left = el('span', { class: 'left' }, clock(timeLeft(request)))
  const timer = setInterval(() => {
    left.textContent = clock(timeLeft(request))
    if (!left.isConnected) clearInterval(timer)
  }, 1000)
  return requestCard(request, 'urgent', () => go('request', { id: request.id }), left)
}

/** What nobody answered in time: somebody who knows the password may have asked. */
const missed = () =>
  el(
    'section',
    { class: 'missed', 'aria-labelledby': 'missed' },
    el('h2', { id: 'missed' }, t('home.missed')),
    el('ul', { class: 'cards' }, state.missed.map(missedRequest)),
  )

const missedRequest = (request) =>
  requestCard(request, '', () => go('missed', { id: request.id }), icon('forward', 'more'))

const requestCard = ({ id, facts, device, ahead }, kind, onclick, end) =>
  el(
    'li',
    {},
    el(
      'button',
      { type: 'button', class: `card-button ${kind}`.trim(), 'data-key': id, onclick },
      el('span', { class: 'avatar', 'aria-hidden': 'true' }, initialOf(facts.app.name)),
      el(
        'span',
        { class: 'about' },
        el('strong', {}, facts.app.name),
        el('span', {}, breakable(device.label)),
        el('span', {}, facts.at ? ago(Date.now() + ahead - facts.at) : ''),
      ),
      end,
    ),
  )

const account = (device) => {
  const { thumbprint, label, brand } = device
  const status = statusOf(device)
  return el(
    'li',
    {},
    el(
      'button',
      { type: 'button', class: 'card-button', 'data-key': thumbprint, onclick: () => openAccount(device) },
      el('span', { class: 'avatar', 'aria-hidden': 'true' }, initialOf(label)),
      el(
        'span',
        { class: 'about' },
        el('strong', {}, breakable(label)),
        el('span', {}, breakable(label === device.account ? brand : `${device.account} · ${brand}`)),
        status &&
          el('span', { class: `status ${status.kind}` }, icon(status.picture), t(`status.${status.name}`)),
      ),
      icon('forward', 'more'),
    ),
  )
}

const openAccount = ({ thumbprint, confirming }) => go(confirming ? 'number' : 'account', { id: thumbprint })

/** What is not as it should be; undefined where all is well or nothing is known. */
export const statusOf = ({ thumbprint, confirming }) => {
  const said = state.said.get(thumbprint)
  if (said?.forgotten) return { name: 'forgotten', kind: 'bad', picture: 'warning' }
  if (confirming || said?.phase === 'confirming')
    return { name: 'confirming', kind: 'warn', picture: 'phone' }
  if (said?.phase === 'testing') return { name: 'testing', kind: 'warn', picture: 'phone' }
  if (said?.notifications === 'on') return { name: 'on', kind: 'good', picture: 'bell' }
  if (said?.notifications && said.notifications !== 'none')
    return { name: 'off', kind: 'warn', picture: 'bell-off' }
  return undefined
}

/** One account: its code without network, its notifications, its name, and its end. */
import { call, isForgotten } from './api.js'
import { button, el, icon, note, paragraph, whileBusy } from './dom.js'
import { statusOf } from './home.js'
import { notificationsPart } from './notifications.js'
import { unlock } from './offline-code.js'
import { errorText } from './outcome.js'
import { announce, define, go, goHome, isShown, onLeave, render } from './screen.js'
import { changes, deviceOf, forget, keep, state } from './state.js'
import { day, t } from './texts.js'

/** Milliseconds that a code is shown for before it is covered again. */
const shownFor = 90_000

define('account', ({ id }) => {
  const device = deviceOf(id)
  if (!device) return goHome()
  const forgotten = statusOf(device)?.name === 'forgotten'
  const code = el('div', { class: 'code-part' })
  const notifications = el('div', {})
  const showNotifications = () => notifications.replaceChildren(...notificationsPart(state.said.get(id)))
  showNotifications()
  changes.addEventListener('devices', showNotifications)
  onLeave(() => changes.removeEventListener('devices', showNotifications))
  cover(code, device)
  render({
    title: device.label,
    kind: 'one-account',
    content: [
      paragraph(
        device.label === device.account ? device.brand : `${device.account} · ${device.brand}`,
        'account',
      ),
      forgotten
        ? forgottenNote(device)
        : [part('code.title', code), part('notifications.part', notifications)],
      !forgotten &&
        el(
          'ul',
          { class: 'rows' },
          row('pencil', t('rename.title'), () => go('rename', { id })),
          row('bin', t('remove.row'), () => go('remove', { id }), 'bad'),
        ),
      paragraph(t('account.added', { day: day(device.addedAt) }), 'hint after'),
    ],
  })
})

const part = (key, content) => el('section', { class: 'part' }, el('h2', {}, t(key)), content)

const row = (picture, text, onclick, kind = '') =>
  el('li', {}, el('button', { type: 'button', class: `row-button ${kind}`, onclick }, icon(picture), text))

const forgottenNote = (device) =>
  note(
    'bad',
    'warning',
    el('strong', {}, t('forgotten.title')),
    el('p', {}, t('forgotten.text')),
    button(t('forgotten.button'), 'plain', async () => {
      await forget(device)
      goHome()
    }),
  )

const cover = (place, device) => {
  const told = el('div', { class: 'told', role: 'alert' })
  const press = button(t('code.show'), 'plain', () => void uncover(place, device, press, told), {
    picture: 'code',
  })
  place.replaceChildren(paragraph(t('code.text'), 'hint'), press, told)
}

const uncover = async (place, device, press, told) => {
  told.replaceChildren()
  try {
    const codeAt = await whileBusy(press, t('request.verifying'), () => unlock(device))
    if (isShown('account', device.thumbprint)) showCode(place, device, codeAt)
  } catch (error) {
    told.replaceChildren(note('bad', 'warning', el('p', {}, errorText('code', error))))
  }
}

const showCode = (place, device, codeAt) => {
  const digits = el('output', { class: 'totp' })
  const bar = el('progress', { max: 30_000, 'aria-hidden': 'true' })
  const left = el('span', {})
  const until = Date.now() + shownFor
  let before
  const tick = async () => {
    if (Date.now() > until) return stop()
    const { code, left: remains } = await codeAt(Date.now())
    bar.value = remains
    left.textContent = t('code.left', { seconds: Math.ceil(remains / 1000) })
    if (code === before) return
    before = code
    digits.replaceChildren(el('span', {}, code.slice(0, 3)), el('span', {}, code.slice(3)))
    announce(t('code.spoken', { code: [...code].join(' ') }))
  }
  const timer = setInterval(() => void tick(), 500)
  const stop = () => {
    clearInterval(timer)
    if (isShown('account', device.thumbprint)) cover(place, device)
  }
  onLeave(() => clearInterval(timer))
  place.replaceChildren(
    digits,
    el('p', { class: 'remaining' }, bar, left),
    button(t('code.hide'), 'quiet', stop),
  )
  void tick()
}

define('rename', ({ id }) => {
  const device = deviceOf(id)
  if (!device) return goHome()
  const input = el('input', {
    id: 'name',
    value: device.label,
    maxlength: 60,
    autocomplete: 'off',
    'aria-describedby': 'name-hint',
  })
  const save = async (event) => {
    event.preventDefault()
    await keep({ ...device, label: input.value.trim() || device.account })
    history.back()
  }
  render({
    title: t('rename.title'),
    content: [
      el(
        'form',
        { id: 'rename', onsubmit: save },
        el('label', { for: 'name' }, t('rename.name')),
        input,
        el('p', { class: 'hint under', id: 'name-hint' }, t('rename.hint')),
      ),
    ],
    actions: [el('button', { class: 'button primary', form: 'rename' }, t('rename.save'))],
  })
})

define('remove', ({ id }) => {
  const device = deviceOf(id)
  if (!device) return goHome()
  const told = el('div', { class: 'told', role: 'alert' })
  const yes = button(t('remove.yes'), 'danger', () => void removeEverywhere(device, yes, told))
  render({
    title: t('remove.title', { account: device.label }),
    content: [paragraph(t('remove.text')), paragraph(t('remove.caution'), 'hint after'), told],
    actions: [yes, button(t('cancel'), 'plain', () => history.back())],
  })
})

const removeEverywhere = async (device, yes, told) => {
  const here = async () => {
    await forget(device)
    goHome()
  }
  try {
    await whileBusy(yes, t('remove.busy'), () => call('DELETE', 'device', { device }))
    await here()
  } catch (error) {
    if (isForgotten(error)) return here()
    const only = button(t('remove.here-only'), 'text', here)
    told.replaceChildren(
      note('bad', 'warning', el('p', {}, `${errorText('remove', error)} ${t('remove.here-text')}`), only),
    )
  }
}

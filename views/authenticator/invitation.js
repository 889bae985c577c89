/** Adding an account, step by step: which account, notifications, screen lock, and the number for the computer. */
import { issuer } from './api.js'
import { breakable, button, el, icon, note, paragraph, whileBusy } from './dom.js'
import { enrol, readInvitation } from './enrolment.js'
import { initialOf } from './facts.js'
import { installFirst } from './install.js'
import { errorKey, errorText, showOutcome } from './outcome.js'
import { platform, whatIsMissing } from './platform.js'
import { askPermission, permission, subscribe } from './push.js'
import { define, go, goHome, isShown, render } from './screen.js'
import { loadDevices, state } from './state.js'
import { t } from './texts.js'

/** `{token, invitation?, label?, address?}`; in memory only, so a reload starts over. */
let adding

/** @param token as it was scanned, typed or linked to */
export const begin = (token) => {
  adding = { token }
  if (!installFirst()) go('invitation')
}

define('invitation', async () => {
  if (!adding) return goHome()
  render({ title: t('invitation.opening'), content: [el('p', { class: 'spinner', 'aria-hidden': 'true' })] })
  const missing = await whatIsMissing()
  if (!isShown('invitation')) return
  if (missing) return showMissing(missing)
  try {
    adding.invitation = await readInvitation(adding.token)
    if (adding.invitation.issuer !== issuer) throw new Error(`the issuer is not ${issuer}`)
    adding.notificationsAsked = mayAsk()
    if (isShown('invitation')) showInvitation(adding.invitation)
  } catch (error) {
    if (isShown('invitation')) showFailure(error)
  }
})

const showMissing = (missing) => {
  const known = ['ios', 'android', 'windows', 'mac'].includes(platform()) ? platform() : 'other'
  const how = missing === 'no-lock' ? paragraph(t(`missing.how-${known}`)) : undefined
  render({
    title: t(`missing.${missing}.title`),
    kind: 'outcome',
    above: [sign(missing === 'no-lock' ? 'lock' : 'warning', 'bad')],
    content: [paragraph(t(`missing.${missing}.text`)), how],
    actions: [
      missing === 'no-lock' &&
        button(t('missing.retry'), 'primary', () => go('invitation', {}, { replace: true })),
      button(t('cancel'), missing === 'no-lock' ? 'quiet' : 'primary', goHome),
    ],
  })
}

const showFailure = (error) => {
  const key = errorKey('invitation', error)
  const retry = /offline|unreachable|wait|unexpected/.test(key)
  showOutcome('bad', key, { seconds: error.seconds ?? 60 }, [
    retry
      ? button(t('retry'), 'primary', () => go('invitation', {}, { replace: true }))
      : button(t('invitation.other-code'), 'primary', () => go('add', {}, { replace: true })),
    button(t('to-accounts'), 'quiet', goHome),
  ])
}

/** A step that is not needed is not counted. */
const stepOf = (number) => {
  const skipped = adding.notificationsAsked ? 0 : 1
  return paragraph(
    t('invitation.step', { number: number === 3 ? 3 - skipped : number, of: 3 - skipped }),
    'step',
  )
}
const sign = (picture, kind = '') => el('span', { class: `sign ${kind}` }, icon(picture))

const mayAsk = () => permission() !== 'granted' && Boolean(adding.invitation.applicationServerKey)

const showInvitation = ({ brand, account, accountTag }) => {
  const known = state.devices.some((device) => device.accountTag === accountTag)
  const input = el('input', {
    id: 'label',
    maxlength: 60,
    autocomplete: 'off',
    value: t(`platform.${platform()}`),
    'aria-describedby': 'label-hint',
  })
  const next = (event) => {
    event.preventDefault()
    adding.label = input.value.trim() || t(`platform.${platform()}`)
    go('notifications')
  }
  render({
    title: t('invitation.title'),
    above: [stepOf(1)],
    content: [
      el(
        'div',
        { class: 'identity' },
        el('span', { class: 'avatar', 'aria-hidden': 'true' }, initialOf(account)),
        el(
          'p',
          {},
          el('strong', {}, breakable(account)),
          el('span', { class: 'line' }, brand),
          el('span', { class: 'line' }, new URL(issuer).host),
        ),
      ),
      known ? note('warn', 'warning', t('invitation.known')) : paragraph(t('invitation.check')),
      el(
        'form',
        { id: 'next', onsubmit: next },
        el('label', { for: 'label' }, t('invitation.label')),
        input,
        el('p', { class: 'hint under', id: 'label-hint' }, t('invitation.label-hint')),
      ),
    ],
    actions: [
      el('button', { class: 'button primary', form: 'next' }, t('continue')),
      button(t('invitation.not-mine'), 'quiet', goHome),
    ],
  })
}

define('notifications', () => {
  if (!adding?.label) return goHome()
  const granted = permission()
  if (granted === 'granted' || !adding.invitation.applicationServerKey)
    return go('screen-lock', {}, { replace: true })
  const next = () => go('screen-lock')
  if (granted !== 'default') return showNotificationsOff(granted, next)
  const allow = button(t('notifications.allow'), 'primary', async () => {
    const answer = await askPermission()
    if (answer === 'granted') next()
    else go('notifications', {}, { replace: true })
  })
  // Asked and closed without an answer: going on is always possible.
  render({
    title: t('notifications.title'),
    above: [stepOf(2), sign('bell')],
    content: [paragraph(t('notifications.text')), paragraph(t('notifications.private'), 'hint after')],
    actions: [allow, button(t('notifications.without'), 'quiet', next)],
  })
})

const showNotificationsOff = (reason, next) =>
  render({
    title: t(`notifications.${reason}-title`),
    above: [stepOf(2), sign('bell-off')],
    content: [
      paragraph(t(`notifications.${reason}-text`)),
      reason === 'denied' && paragraph(howToAllow()),
      note('quiet', 'bell-off', t('notifications.consequence')),
    ],
    actions: [
      reason === 'denied' &&
        button(t('notifications.done'), 'primary', () => go('notifications', {}, { replace: true })),
      button(t('notifications.without'), reason === 'denied' ? 'quiet' : 'primary', next),
    ],
  })

/** Where the settings for notifications are. */
export const howToAllow = () => {
  const known = ['ios', 'android'].includes(platform()) ? platform() : 'other'
  return t(`notifications.how-${known}`)
}

define('screen-lock', () => {
  if (!adding?.label) return goHome()
  // While the person reads: some browsers take seconds, and some forget the press of the button meanwhile.
  adding.address = subscribe(adding.invitation.applicationServerKey)
  const told = el('div', { class: 'told', role: 'alert' })
  const press = button(t('screen-lock.button'), 'primary', () => void make(press, told), { picture: 'lock' })
  render({
    title: t('screen-lock.title'),
    above: [stepOf(3), sign('lock')],
    content: [
      paragraph(t('screen-lock.text')),
      el(
        'ul',
        { class: 'asks' },
        ['here', 'never', 'each'].map((what) => el('li', {}, t(`screen-lock.${what}`))),
      ),
      told,
    ],
    actions: [press],
  })
})

const make = async (press, told) => {
  told.replaceChildren()
  const { token, invitation, label, address } = adding
  try {
    const device = await whileBusy(press, t('screen-lock.busy'), () =>
      enrol({ token, invitation, label, address }),
    )
    adding = undefined
    await loadDevices()
    go('number', { id: device.thumbprint }, { replace: true })
  } catch (error) {
    const key = errorKey('invitation', error)
    if (/invitation_|untrusted|storage|wrong|malformed/.test(key)) return showFailure(error)
    told.replaceChildren(note('bad', 'warning', el('p', {}, errorText('invitation', error))))
  }
}

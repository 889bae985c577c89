/** Whether notifications come, in words, and how to mend them. */
import { button, el, icon, whileBusy } from './dom.js'
import { installHint } from './install.js'
import { howToAllow } from './invitation.js'
import { mustInstallFirst } from './platform.js'
import { askPermission, permission } from './push.js'
import { checkIn } from './state.js'
import { t } from './texts.js'

/** @param said what the server said of one device; undefined where it was not asked yet */
export const notificationsPart = (said) => {
  const now = said?.notifications ?? (permission() === 'granted' ? 'unknown' : permission())
  const kinds = { on: 'good', unknown: 'plain' }
  return [
    el(
      'p',
      { class: `status ${kinds[now] ?? 'warn'}` },
      icon(kinds[now] ? 'bell' : 'bell-off'),
      t(`notifications.is-${now}`),
    ),
    now !== 'on' && now !== 'unknown' && el('p', { class: 'hint' }, explanation(now)),
    mender(now),
  ].filter(Boolean)
}

const explanation = (now) => {
  if (now === 'denied') return howToAllow()
  if (now === 'unsupported' && mustInstallFirst) return t('install.ios-text')
  return t(now === 'none' ? 'notifications.none-text' : 'notifications.consequence')
}

const mender = (now) => {
  if (now === 'unsupported') return installHint()
  if (!['default', 'unreached', 'denied'].includes(now)) return undefined
  const text = {
    default: 'notifications.allow',
    unreached: 'notifications.mend',
    denied: 'notifications.done',
  }[now]
  const press = button(t(text), 'plain', () =>
    whileBusy(press, t('notifications.busy'), async () => {
      await askPermission()
      await checkIn()
    }),
  )
  return press
}

/** How to put the app on the phone, in the words of its system. */
import { button, el, icon, note, paragraph } from './dom.js'
import { canInstall, install, isAndroid, isApple, isInstalled, mustInstallFirst } from './platform.js'
import { again, define, go, isShown, render } from './screen.js'
import { t } from './texts.js'

const appleSteps = (keys) =>
  el(
    'ol',
    { class: 'steps' },
    keys.map((key) =>
      el('li', {}, el('p', {}, t(`install.ios-${key}`), key === 'share' && icon('share', 'inline'))),
    ),
  )

/** A note, or nothing where the app is installed or cannot be. */
export const installHint = () => {
  if (isInstalled) return undefined
  if (isApple)
    return note(
      'quiet',
      'phone',
      el('strong', {}, t('install.ios-title')),
      el('p', {}, t('install.ios-text')),
      link(),
    )
  const press = button(t('install.button'), 'text', () => void install().then(again))
  if (canInstall())
    return note('quiet', 'phone', el('strong', {}, t('install.title')), el('p', {}, t('install.text')), press)
  if (isAndroid)
    return note(
      'quiet',
      'phone',
      el('strong', {}, t('install.title')),
      el('p', {}, t('install.android-text')),
    )
  return undefined
}

const link = () => button(t('install.how'), 'text', () => go('install', { token: false }))

addEventListener('installable', () => {
  if (isShown('home')) again()
})

/** On iOS, before an account is added: what is added in Safari is not in the app. */
define('install', ({ adding }) =>
  render({
    title: t('install.ios-title'),
    content: [paragraph(t('install.ios-why')), appleSteps(['share', 'add', adding ? 'open-code' : 'open'])],
    actions: adding
      ? [button(t('install.without'), 'quiet', () => go('invitation', {}, { replace: true }))]
      : [],
  }),
)

/** @returns whether the person was sent to install first */
export const installFirst = () => {
  if (!mustInstallFirst) return false
  go('install', { adding: true })
  return true
}

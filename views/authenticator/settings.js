/** Language, notifications, and the app itself. */
import { el, paragraph } from './dom.js'
import { installHint } from './install.js'
import { notificationsPart } from './notifications.js'
import { again, define, onLeave, render } from './screen.js'
import { changes, state } from './state.js'
import { chooseLanguage, languages, t } from './texts.js'

const keys = globalThis.duepassiAuthenticator

define('settings', async () => {
  const chosen = (await keys.setting('language')) ?? ''
  const stored = await navigator.storage?.persisted?.().catch(() => undefined)
  const notifications = el('div', {})
  const showNotifications = () => notifications.replaceChildren(...notificationsPart(worst()))
  showNotifications()
  changes.addEventListener('devices', showNotifications)
  onLeave(() => changes.removeEventListener('devices', showNotifications))
  render({
    title: t('settings.title'),
    kind: 'settings',
    content: [
      languagePart(chosen),
      state.devices.length > 0 && part('notifications.part', notifications),
      part(
        'settings.app',
        paragraph(t('settings.keys'), 'hint'),
        stored === false && paragraph(t('settings.not-persisted'), 'hint'),
        installHint(),
      ),
    ],
  })
})

const part = (key, ...content) => el('section', { class: 'part' }, el('h2', {}, t(key)), content)

const languagePart = (chosen) =>
  el(
    'fieldset',
    { class: 'part choices' },
    el('legend', {}, t('settings.language')),
    [['', t('settings.as-browser')], ...Object.entries(languages)].map(([value, name]) =>
      el(
        'label',
        { class: 'check', lang: value || null },
        el('input', {
          type: 'radio',
          name: 'language',
          value,
          checked: value === chosen,
          onchange: () => void change(value),
        }),
        el('span', {}, name),
      ),
    ),
  )

const change = async (value) => {
  await keys.set('language', value)
  await chooseLanguage()
  again()
}

/** What is worst among the accounts is what one has to know. */
const worst = () => {
  const all = [...state.said.values()].filter(({ forgotten }) => !forgotten)
  return all.find(({ notifications }) => notifications !== 'on') ?? all[0]
}

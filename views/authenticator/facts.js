/** What a person needs to see to know whether a request is theirs. */
import { breakable, el } from './dom.js'
import { ago, moment, place, t } from './texts.js'

/** Who asks: the application, with its logo or its initial. */
export const party = ({ facts: { app }, kind }) =>
  el(
    'div',
    { class: 'party' },
    logo(app),
    el(
      'p',
      { class: 'party-name' },
      el('span', {}, t(`request.party-${kind}`)),
      ' ',
      el('strong', {}, app.name),
    ),
  )

const initial = (name) => el('span', { class: 'logo initial', 'aria-hidden': 'true' }, initialOf(name))
export const initialOf = (name) => [...name.trim()][0]?.toUpperCase() ?? '·'

const logo = ({ name, logo: address }) => {
  // Only over https: nothing else may be loaded, and a signed text must not be changed on the way.
  if (!address?.startsWith('https://')) return initial(name)
  const image = el('img', {
    class: 'logo',
    src: address,
    alt: '',
    width: 48,
    height: 48,
    referrerpolicy: 'no-referrer',
  })
  image.addEventListener('error', () => image.replaceWith(initial(name)), { once: true })
  return image
}

/** Account, time, place and browser; what is not known is said to be unknown. */
export const facts = ({ facts: known, device, ahead, kind }) => {
  const { account, at, address, browser, system } = known
  const where = place(known)
  // A test comes from nowhere.
  const isTest = kind === 'test'
  const rows = [
    [t('facts.account'), account ?? device.account],
    [t('facts.when'), at && ago(Date.now() + ahead - at), at && moment(at)],
    [t('facts.where'), !isTest && (where || t('facts.unknown-place')), address],
    [t('facts.browser'), !isTest && browserInWords(browser, system)],
  ]
  return el(
    'dl',
    { class: 'facts' },
    rows.map(
      ([name, value, more]) =>
        value &&
        el('div', {}, el('dt', {}, name), el('dd', {}, breakable(value), more && el('span', {}, more))),
    ),
  )
}

const browserInWords = (browser, system) => {
  if (browser && system) return t('facts.browser-on', { browser, system })
  return browser || system || t('facts.unknown-browser')
}

/** One screen at a time; the back button of the phone goes to the one before. */
import { button, el, icon, mark } from './dom.js'
import { brand, t } from './texts.js'

const screens = new Map()
const main = document.getElementById('screen')
const bar = document.getElementById('bar')
const leaving = []
let shown = { name: '', params: {} }
let first = true

/** @param show `(params) => void`, which calls `render` at least once */
export const define = (name, show) => screens.set(name, show)

/** @param params what is needed to show the screen again: names, never keys or secrets */
export const go = (name, params = {}, { replace = false } = {}) => {
  history[replace ? 'replaceState' : 'pushState']({ name, params }, '', location.pathname + location.search)
  open(name, params)
}
/** The home screen, without a way back to what is over. */
export const goHome = () => go('home', {}, { replace: true })
export const again = () => open(shown.name, shown.params)
export const isShown = (name, id) => shown.name === name && (id === undefined || shown.params.id === id)
/** Runs when another screen comes. */
export const onLeave = (work) => leaving.push(work)

const open = (name, params) => {
  for (const work of leaving.splice(0)) work()
  shown = { name: screens.has(name) ? name : 'home', params }
  screens.get(shown.name)(params)
}

addEventListener('popstate', ({ state }) => open(state?.name ?? 'home', state?.params ?? {}))

/** Shows again what a reload interrupted; what needed memory falls back by itself. */
export const resume = () => open(history.state?.name ?? 'home', history.state?.params ?? {})

/**
 * @param back false on screens that one leaves by their buttons only
 * @param above what stands before the title
 * @param actions stand at the bottom, where the thumb is
 * @param quiet the screen is the same with other content: neither focus nor scrolling changes
 */
export const render = ({ title, kind = '', back = true, above = [], content = [], actions = [], quiet }) => {
  // An address of mail would break in the middle.
  const long = title.split(' ').some(({ length }) => length > 18)
  const heading = el('h1', { tabindex: -1, class: long && 'long' }, title)
  main.className = kind
  main.replaceChildren(
    el('div', { class: 'content' }, above, heading, content),
    ...(actions.flat().some(Boolean) ? [el('div', { class: 'actions' }, actions)] : []),
  )
  document.title = title === brand ? brand : `${title} – ${brand}`
  showBar(back)
  if (quiet) return
  scrollTo(0, 0)
  // At the start the reader of a screen begins at the top by itself.
  if (!first) heading.focus({ preventScroll: true })
  first = false
}

const showBar = (back) => {
  const home = shown.name === 'home'
  const leave = () => (history.length > 1 && history.state ? history.back() : goHome())
  const start = home || !back ? mark() : barButton(t('bar.back'), 'forward', leave, 'back')
  bar.replaceChildren(
    start,
    el('p', { class: 'bar-name' }, el('strong', {}, brand), ' ', el('span', {}, t('bar.app'))),
    home ? barButton(t('bar.settings'), 'gear', () => go('settings')) : el('span', { class: 'bar-space' }),
  )
}

const barButton = (label, picture, onclick, more = '') => {
  const made = button('', `bar-button ${more}`, onclick, { 'aria-label': label, title: label })
  made.replaceChildren(icon(picture))
  return made
}

/** For readers of the screen, without taking the focus. */
export const announce = (text) => {
  document.getElementById('said').textContent = text
}

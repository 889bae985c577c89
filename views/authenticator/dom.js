/** Elements without markup: the page lets no text become html (Trusted Types). */

/**
 * @param attributes `on…` are listeners; `true` is an attribute without a value; null, undefined and false are left out
 * @param children nodes and texts; null, undefined and false are left out
 */
export const el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...present(children))
  return element
}

const present = (children) => children.flat(Number.POSITIVE_INFINITY).filter((child) => child || child === 0)

const svg = (name, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

/** Lines on a grid of 24. */
const paths = {
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 21h4',
  'bell-off': 'M6 16V11a6 6 0 0 1 .8-3M9.5 5.5A6 6 0 0 1 18 11v3M15.5 18h-11L6 16M10 21h4M4 3.5l16 17',
  bin: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5',
  check: 'M4.5 12.5l5 5 10-11',
  code: 'M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM7.5 12h.01M12 12h.01M16.5 12h.01',
  forward: 'M9 5l7 7-7 7',
  gear: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  lock: 'M6.5 11h11a1.5 1.5 0 0 1 1.5 1.5v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5v-6A1.5 1.5 0 0 1 6.5 11zM8 11V8a4 4 0 0 1 8 0v3',
  pencil: 'M4.5 19.5l1-4.5L16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5',
  phone: 'M8 2.5h8A2 2 0 0 1 18 4.5v15a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2v-15a2 2 0 0 1 2-2zM11 18.5h2',
  plus: 'M12 5v14M5 12h14',
  scan: 'M4 8.5V5.5A1.5 1.5 0 0 1 5.5 4h3M15.5 4h3A1.5 1.5 0 0 1 20 5.5v3M20 15.5v3a1.5 1.5 0 0 1-1.5 1.5h-3M8.5 20h-3A1.5 1.5 0 0 1 4 18.5v-3M4 12h16',
  share:
    'M12 15V3.5M8.5 6.5L12 3l3.5 3.5M7.5 10H6a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-9a1 1 0 0 0-1-1h-1.5',
  shield: 'M12 3l7 2.5V11c0 4.5-2.8 8-7 10-4.2-2-7-5.5-7-10V5.5zM9 12l2.2 2.2L15.2 10',
  warning: 'M12 3.5l9 16H3zM12 10v4.5M12 17v.01',
  x: 'M6 6l12 12M18 6L6 18',
}

export const icon = (name, more = '') => {
  const picture = svg('svg', {
    class: `icon ${more}`.trim(),
    viewBox: '0 0 24 24',
    width: 24,
    height: 24,
    'aria-hidden': true,
    focusable: false,
  })
  picture.append(svg('path', { d: paths[name] }))
  return picture
}

/** The two steps; the pages for signing in show the same. */
export const mark = (more = '') => {
  const picture = svg('svg', {
    class: `mark ${more}`.trim(),
    viewBox: '0 0 44 28',
    width: 44,
    height: 28,
    'aria-hidden': true,
    focusable: false,
  })
  for (const [x, y] of [
    [1, 17],
    [23, 1],
  ])
    picture.append(svg('rect', { class: 'on', x, y, width: 20, height: 10, rx: 5 }))
  return picture
}

/** An address of mail breaks after its signs, not anywhere. */
export const breakable = (text) =>
  text.split(/(?<=[@._-])/).flatMap((piece, index) => (index === 0 ? piece : [el('wbr'), piece]))

export const paragraph = (text, kind = 'intro') => el('p', { class: kind }, text)

/** @param more attributes, or the name of an icon that stands before the text as `icon` */
export const button = (text, kind, onclick, { picture, ...more } = {}) =>
  el('button', { type: 'button', class: `button ${kind}`, onclick, ...more }, picture && icon(picture), text)

/** A note with a picture; `alert` is announced at once. */
export const note = (kind, picture, ...children) =>
  el(
    'div',
    { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : null },
    icon(picture),
    el('div', {}, ...children),
  )

/** While work goes on the button cannot be pressed again and says so. */
export const whileBusy = async (pressed, text, work) => {
  const before = [...pressed.childNodes]
  const others = [...document.querySelectorAll('#screen button, #screen input')].filter(
    ({ disabled }) => !disabled,
  )
  for (const other of others) other.disabled = true
  pressed.setAttribute('aria-busy', 'true')
  pressed.replaceChildren(text)
  try {
    return await work()
  } finally {
    pressed.replaceChildren(...before)
    pressed.removeAttribute('aria-busy')
    for (const other of others) other.disabled = false
  }
}

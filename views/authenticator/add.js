/** "Add an account": the code of the computer, by camera or by hand. */
import { button, el, note, paragraph } from './dom.js'
import { tokenOf } from './enrolment.js'
import { begin } from './invitation.js'
import { errorText } from './outcome.js'
import { canScan, scan } from './scan.js'
import { define, isShown, onLeave, render } from './screen.js'
import { t } from './texts.js'

define('add', () => {
  const told = el('div', { class: 'told', role: 'alert', id: 'code-told' })
  const input = el('input', {
    id: 'code',
    class: 'code words',
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: 'false',
    placeholder: 'XXXX-XXXX-XX',
    maxlength: 200,
    enterkeyhint: 'go',
    'aria-describedby': 'code-hint code-told',
  })
  input.addEventListener('input', () => group(input))
  const submit = (event) => {
    event.preventDefault()
    const token = tokenOf(input.value)
    if (token) return begin(token)
    input.setAttribute('aria-invalid', 'true')
    told.replaceChildren(note('bad', 'warning', t('add.malformed')))
    input.focus()
  }
  const form = el(
    'form',
    { onsubmit: submit, novalidate: true, id: 'typed' },
    el(
      'div',
      { class: 'field' },
      el('label', { for: 'code' }, t('add.code')),
      el('p', { class: 'hint', id: 'code-hint' }, t('add.code-hint')),
      input,
    ),
    told,
  )
  const view = el('div', { class: 'viewfinder', hidden: true })
  const press = button(t('add.scan'), 'plain', () => void look(view, press, told), { picture: 'scan' })
  render({
    title: t('home.add'),
    content: [
      paragraph(t('add.text')),
      el(
        'ol',
        { class: 'steps' },
        ['computer', 'page', 'picture'].map((step) => el('li', {}, el('p', {}, t(`add.step-${step}`)))),
      ),
      view,
      canScan() && press,
      canScan() && el('p', { class: 'or' }, t('add.or')),
      form,
    ],
    actions: [el('button', { class: 'button primary', form: 'typed' }, t('continue'))],
  })
})

/** `K7QP-2M9X-RT` while it is typed; a pasted link is left alone. */
const group = (input) => {
  input.removeAttribute('aria-invalid')
  if (/[:/#]/.test(input.value) || input.selectionStart !== input.value.length) return
  const plain = input.value
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .slice(0, 10)
  const grouped = plain.match(/.{1,4}/g)?.join('-') ?? ''
  if (grouped !== input.value) input.value = grouped
}

const look = async (view, press, told) => {
  told.replaceChildren()
  press.hidden = true
  view.hidden = false
  const stop = new AbortController()
  onLeave(() => stop.abort())
  const video = el('video', { playsinline: true, muted: true, 'aria-label': t('add.camera') })
  const cancel = button(t('cancel'), 'plain', () => stop.abort())
  view.replaceChildren(
    el('div', { class: 'frame' }, video, el('span', { class: 'aim' })),
    paragraph(t('add.aim'), 'hint'),
    cancel,
  )
  try {
    const token = await scan(video, stop.signal, tokenOf)
    if (token && isShown('add')) return begin(token)
  } catch (error) {
    told.replaceChildren(note('bad', 'warning', el('p', {}, errorText('camera', error))))
  }
  view.hidden = true
  view.replaceChildren()
  press.hidden = false
}

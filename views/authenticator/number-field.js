/** One field that looks like as many boxes as there are digits. */
import { el } from './dom.js'
import { onLeave } from './screen.js'

/** @returns `{field, value(), focus(), disable()}`; `oncomplete(boolean)` is called at each change */
export const numberField = ({ digits, label, hint, oncomplete }) => {
  const boxes = Array.from({ length: digits }, () => el('span', { class: 'box' }))
  const input = el('input', {
    id: 'number',
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'off',
    pattern: `[0-9]{${digits}}`,
    maxlength: digits,
    enterkeyhint: 'done',
    'aria-describedby': hint && 'number-hint',
  })
  const show = () => {
    input.value = input.value.replaceAll(/\D/g, '').slice(0, digits)
    const at = Math.min(input.value.length, digits - 1)
    for (const [index, box] of boxes.entries()) {
      box.textContent = input.value[index] ?? ''
      box.classList.toggle('next', index === at)
    }
    oncomplete(input.value.length === digits)
  }
  input.addEventListener('input', show)
  // Typing goes on at the end, wherever the boxes are touched.
  const toEnd = () => input.setSelectionRange(input.value.length, input.value.length)
  input.addEventListener('focus', toEnd)
  // The keyboard of the phone takes half of the screen: the field and the buttons stay together.
  const together = () => document.activeElement === input && input.closest('.number-field').scrollIntoView()
  addEventListener('resize', together)
  onLeave(() => removeEventListener('resize', together))
  input.addEventListener('pointerup', toEnd)
  const field = el(
    'div',
    { class: 'number-field' },
    el('label', { for: 'number' }, label),
    hint && el('p', { class: 'hint', id: 'number-hint' }, hint),
    el(
      'div',
      { class: `boxes of-${digits}` },
      input,
      el('div', { class: 'row', 'aria-hidden': 'true' }, boxes),
    ),
  )
  show()
  return { field, input, value: () => input.value }
}

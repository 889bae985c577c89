/** The number for the computer, and then the request by which setting up ends. */
import { isForgotten } from './api.js'
import { button, el, icon, note, paragraph } from './dom.js'
import { showOutcome } from './outcome.js'
import { define, go, goHome, isShown, onLeave, render } from './screen.js'
import { changes, checkIn, deviceOf, forget, keep, keepLooking, phaseOf, state } from './state.js'
import { clock, t } from './texts.js'

const pause = 2000

define('number', ({ id }) => {
  const device = deviceOf(id)
  if (!device) return goHome()
  if (device.confirming) showNumber(device)
  else showTest(device)
  follow(id, device.confirming !== undefined)
})

const showNumber = ({ thumbprint, account, confirming: { number, expiresAt } }) => {
  const left = el('span', { class: 'time' })
  const tick = () => {
    left.textContent = clock(expiresAt - Date.now())
  }
  tick()
  const timer = setInterval(tick, 1000)
  onLeave(() => clearInterval(timer))
  render({
    title: t('number.title'),
    kind: 'number',
    back: false,
    content: [
      el(
        'p',
        { class: 'big-number', role: 'img', 'aria-label': [...number].join(' ') },
        [...number].map((digit) => el('span', { class: 'digit' }, digit)),
      ),
      paragraph(t('number.text', { account })),
      el(
        'p',
        { class: 'waits' },
        el('span', { class: 'pulse', 'aria-hidden': 'true' }),
        t('number.waiting'),
        ' ',
        left,
      ),
    ],
    actions: [button(t('number.give-up'), 'quiet', () => go('remove', { id: thumbprint }))],
  })
}

const showTest = () =>
  render({
    title: t('test.title'),
    kind: 'number',
    back: false,
    above: [el('span', { class: 'sign good' }, icon('check'))],
    content: [
      paragraph(t('test.text')),
      el('p', { class: 'waits' }, el('span', { class: 'pulse', 'aria-hidden': 'true' }), t('test.waiting')),
      note('quiet', 'phone', t('test.hint')),
    ],
    actions: [button(t('to-accounts'), 'quiet', goHome)],
  })

/**
 * Asks every two seconds how far the computer is, until another screen comes.
 * @param showsNumber what is shown; that the number was typed may have been learned elsewhere meanwhile
 */
const follow = (id, showsNumber) => {
  let over = false
  const bringUp = () => {
    const test = state.requests.find(({ device }) => device.thumbprint === id)
    if (test && isShown('number', id)) go('request', { id: test.id }, { replace: true })
  }
  changes.addEventListener('requests', bringUp)
  onLeave(() => {
    over = true
    changes.removeEventListener('requests', bringUp)
  })
  const step = async () => {
    const device = deviceOf(id)
    if (over || !device) return
    try {
      const phase = await phaseOf(device)
      if (over) return
      if (phase !== 'confirming' && showsNumber) {
        if (device.confirming) await keep({ ...device, confirming: undefined })
        void checkIn()
        return go('number', { id }, { replace: true })
      }
      if (phase === 'active') return showReady(device)
      if (phase === 'testing') void keepLooking()
    } catch (error) {
      if (isForgotten(error) && !over) return giveUp(device)
    }
    setTimeout(() => void step(), pause)
  }
  void step()
}

const showReady = ({ label }) =>
  go('outcome', { kind: 'good', key: 'outcome.ready', values: { account: label } }, { replace: true })

/** The time for the number is over, or a wrong one was typed: the server has let go of this device. */
const giveUp = async (device) => {
  await forget(device)
  showOutcome('bad', device.confirming ? 'number.over' : 'number.removed', {}, [
    button(t('home.add'), 'primary', () => go('add', {}, { replace: true })),
    button(t('to-accounts'), 'quiet', goHome),
  ])
}

/* The authenticator app of this very browser answers for the page: no notification, PIN, finger or face alone. */
;(() => {
  const keys = globalThis.duepassiAuthenticator
  const part = document.querySelector('[data-here]')
  if (!part || !window.isSecureContext || !window.PublicKeyCredential) return
  const { issuer, tag, ...asked } = JSON.parse(part.dataset.here)
  const button = part.querySelector('[value=answer]')
  const alert = part.querySelector('[data-here-alert]')

  const say = (text) => {
    alert.lastElementChild.textContent = text ?? ''
    alert.hidden = !text
  }

  const busy = (on) => {
    button.disabled = on
    button.setAttribute('aria-busy', on)
    if (on) {
      button.dataset.label = button.textContent
      button.textContent = part.dataset.busy
    } else if (button.dataset.label) button.textContent = button.dataset.label
  }

  const answer = async (device) => {
    document.getElementById('error')?.remove()
    say()
    busy(true)
    try {
      button.form.elements.response.value = await keys.decide(device, {
        ...asked,
        issuer,
        decision: 'approve',
      })
    } catch ({ name }) {
      busy(false)
      say(name === 'NotAllowedError' ? part.dataset.cancelled : part.dataset.failed)
      return button.focus()
    }
    // A disabled button would not send its intent.
    button.disabled = false
    button.form.requestSubmit(button)
    button.disabled = true
  }

  /** The newest, where the account was added more than once; one that the computer has not confirmed yet answers nothing. */
  const find = async () =>
    (await keys.list(issuer)).findLast(({ accountTag, confirming }) => accountTag === tag && !confirming)

  const offer = (device) => {
    if (!device) return
    part.hidden = false
    document.querySelector('[data-not-here]').hidden = true
    document.querySelector('[form=send]')?.classList.replace('primary', 'plain')
    button.addEventListener('click', (event) => {
      // What `answer` sends makes no click.
      event.preventDefault()
      void answer(device)
    })
    addEventListener('pageshow', ({ persisted }) => persisted && busy(false))
    button.focus()
  }
  // Where it is not kept any more, the page goes on offering to ask a phone.
  find().then(offer, () => {})
})()

/* Passkeys and security keys, on the pages that ask for one. A browser that cannot keeps the page's other ways. */
;(() => {
  const all = (selector) => document.querySelectorAll(selector)
  const { PublicKeyCredential, isSecureContext } = window

  // What the account has and has not: only a hint for the browser, so a failure says nothing to anyone.
  for (const { dataset } of all('[data-webauthn-signal]')) {
    const signal = async () => PublicKeyCredential?.[dataset.webauthnSignal]?.(JSON.parse(dataset.with))
    signal().catch(() => {})
  }

  const capable =
    isSecureContext &&
    PublicKeyCredential?.parseRequestOptionsFromJSON &&
    PublicKeyCredential.parseCreationOptionsFromJSON &&
    PublicKeyCredential.prototype.toJSON
  if (capable) for (const part of all('[data-webauthn-part]')) part.hidden = false

  /** The texts for what `navigator.credentials` throws; an abort is our own doing and has none. */
  const texts = {
    NotAllowedError: 'cancelled',
    InvalidStateError: 'known',
    SecurityError: 'security',
    NotSupportedError: 'unsupported',
  }

  for (const ceremony of all('[data-webauthn]')) {
    const { dataset } = ceremony
    const creates = dataset.webauthn === 'create'
    const send = ceremony.querySelector('[name=intent]')
    const phone = ceremony.querySelector('[data-phone]')
    const alert = ceremony.querySelector('[data-webauthn-alert]')
    /** The quiet offer in the autofill of the user name; a browser asks for one thing at a time. */
    let offer
    let asking = false

    const say = (text) => {
      alert.lastElementChild.textContent = text ?? ''
      alert.hidden = !text
    }
    if (!capable) {
      say(isSecureContext ? dataset.unsupported : dataset.security)
      continue
    }

    const ask = async (more, extra) => {
      const json = { ...JSON.parse(dataset.options), ...more }
      const credential = creates
        ? await navigator.credentials.create({
            publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json),
          })
        : await navigator.credentials.get({
            publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json),
            ...extra,
          })
      return JSON.stringify(credential.toJSON())
    }

    const answer = (response) => {
      send.form.elements.response.value = response
      // A disabled button would not send its intent.
      send.disabled = false
      send.form.requestSubmit(send)
      send.disabled = true
    }

    const busy = (button, on) => {
      for (const each of [send, phone]) if (each) each.disabled = on
      button.setAttribute('aria-busy', on)
      if (on) {
        button.dataset.label = button.textContent
        button.textContent = dataset.busy
      } else if (button.dataset.label) button.textContent = button.dataset.label
    }

    const start = async (button, more) => {
      asking = true
      offer?.abort()
      document.getElementById('error')?.remove()
      say()
      busy(button, true)
      try {
        answer(await ask(more))
      } catch (error) {
        asking = false
        busy(button, false)
        if (error.name !== 'AbortError') say(dataset[texts[error.name]] ?? dataset.failed)
        button.focus()
        void makeOffer()
      }
    }

    const makeOffer = async () => {
      if (!('autofill' in dataset) || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
      if (asking) return
      offer = new AbortController()
      try {
        answer(await ask({}, { mediation: 'conditional', signal: offer.signal }))
      } catch {
        // Not taken up, or not possible: the button says what is wrong when it is pressed.
      }
    }

    send.addEventListener('click', (event) => {
      // The click that `Enter` in a field makes comes here too; what `answer` sends makes no click.
      event.preventDefault()
      void start(send)
    })
    phone?.addEventListener('click', () => void start(phone, { hints: ['hybrid'] }))
    // Back by the back button: the page stands as it was left.
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) for (const button of [send, phone]) if (button) busy(button, false)
    })
    if ('focus' in dataset) send.focus()
    void makeOffer()
  }
})()

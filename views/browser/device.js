/* The key of a trusted browser, on the pages that make or use one. What fails or takes long is left out of the form. */
;(() => {
  const { crypto, indexedDB } = window
  if (!crypto?.subtle || !indexedDB) return
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  /** Milliseconds that a form waits for its signatures. */
  const patience = 1500
  /** As many as the server looks at. */
  const most = 10

  const open = () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open('duepassi', 1)
      request.onupgradeneeded = () => request.result.createObjectStore('device-keys')
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })

  const inStore = async (mode, use) => {
    const database = await open()
    try {
      const transaction = database.transaction('device-keys', mode)
      const request = use(transaction.objectStore('device-keys'))
      // Not before it is written: the page goes away at once.
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve
        transaction.onabort = () => reject(transaction.error)
      })
      return request.result
    } finally {
      database.close()
    }
  }

  const utf8 = (text) => new TextEncoder().encode(text)
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')

  /** A JWS in its compact form (RFC 7515 §7.1). */
  const sign = async ({ privateKey }, { issuer, uid }, more) => {
    const header = { alg: 'ES256', typ: 'device-proof+jwt', ...more }
    const parts = [header, { aud: issuer, nonce: uid }].map((part) => base64url(utf8(JSON.stringify(part))))
    const text = parts.join('.')
    return `${text}.${base64url(await crypto.subtle.sign(algorithm, privateKey, utf8(text)))}`
  }

  /** A key that is there already stays: the browser may be trusted by it still. */
  const makeKey = async (asked) => {
    let pair = await inStore('readonly', (keys) => keys.get(asked.tag))
    if (!pair) {
      pair = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
      await inStore('readwrite', (keys) => keys.put(pair, asked.tag))
    }
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    return sign(pair, asked, { jwk: { kty, crv, x, y } })
  }

  const useKeys = async (asked) => {
    const pairs = await inStore('readonly', (keys) => keys.getAll(undefined, most))
    return (await Promise.all(pairs.map((pair) => sign(pair, asked)))).join(' ')
  }

  /** Holds a form back until `ready` is there, has failed, or takes too long; undefined holds nothing back. */
  const waitBeforeSubmit = (form, ready) => {
    let state = 'idle'
    form.addEventListener('submit', async (event) => {
      const work = state === 'idle' ? ready() : undefined
      if (state === 'passing' || (state === 'idle' && !work)) return
      event.preventDefault()
      // Other listeners hear of it when it really goes.
      event.stopImmediatePropagation()
      if (!work) return
      state = 'working'
      const { submitter } = event
      const late = new Promise((resolve) => setTimeout(resolve, patience))
      await Promise.race([work, late]).catch(() => {})
      state = 'passing'
      const disabled = submitter?.disabled
      // A disabled button would not send its intent.
      if (submitter) submitter.disabled = false
      form.requestSubmit(submitter)
      if (submitter) submitter.disabled = disabled
      state = 'idle'
    })
  }

  for (const part of document.querySelectorAll('[data-device-key]')) {
    const asked = JSON.parse(part.dataset.for)
    const [field, box] = ['device-key', 'trust'].map((name) => part.querySelector(`[name=${name}]`))
    const fill = async () => {
      field.value = await makeKey(asked)
    }
    waitBeforeSubmit(field.form, () => (box.checked ? fill() : undefined))
    // Offered only where something can be kept.
    const offer = (database) => {
      database.close()
      part.hidden = false
    }
    open().then(offer, () => {})
  }

  for (const field of document.querySelectorAll('[name=device-proof]')) {
    // What is signed is known from the start, so that hardly any form waits.
    const fill = async () => {
      field.value = await useKeys(JSON.parse(field.dataset.for))
    }
    let work = fill()
    const over = () => {
      work = undefined
    }
    work.then(over, over)
    waitBeforeSubmit(field.form, () => work)
  }
})()

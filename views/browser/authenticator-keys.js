/*
 * The keys of the authenticator app: in the app, in its worker, and on pages that ask the app of the same browser.
 * Database, store and shapes are a contract with the server. Defines `duepassiAuthenticator` and nothing else.
 */
globalThis.duepassiAuthenticator = (() => {
  const { crypto } = globalThis
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  /** Milliseconds for the person to answer their phone. */
  const timeout = 60_000
  /** Milliseconds by which the server's clock is ahead: a phone with a wrong clock signs times that are right. */
  const clock = { ahead: 0 }

  const open = () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open('duepassi-authenticator', 1)
      request.onupgradeneeded = () => {
        request.result.createObjectStore('devices', { keyPath: 'thumbprint' })
        request.result.createObjectStore('settings')
      }
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })

  const inStore = async (store, mode, use) => {
    const database = await open()
    try {
      const transaction = database.transaction(store, mode)
      const request = use(transaction.objectStore(store))
      // Not before it is written: the page may go away at once.
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve
        transaction.onabort = () => reject(transaction.error)
      })
      return request.result
    } finally {
      database.close()
    }
  }

  /** Devices of one issuer, oldest first; several issuers may share an origin. */
  const list = async (issuer) => {
    const devices = await inStore('devices', 'readonly', (store) => store.getAll())
    const own = issuer ? devices.filter((device) => device.issuer === issuer) : devices
    return own.sort((a, b) => a.addedAt - b.addedAt)
  }
  const get = (thumbprint) => inStore('devices', 'readonly', (store) => store.get(thumbprint))
  const put = (device) => inStore('devices', 'readwrite', (store) => store.put(device))
  const remove = (thumbprint) => inStore('devices', 'readwrite', (store) => store.delete(thumbprint))
  const setting = (name) => inStore('settings', 'readonly', (store) => store.get(name))
  const set = (name, value) => inStore('settings', 'readwrite', (store) => store.put(value, name))

  /** By which a page learns whether this browser can answer for an account. */
  const accountTags = async (issuer) => (await list(issuer)).map(({ accountTag }) => accountTag)

  const utf8 = (text) => new TextEncoder().encode(text)
  const digest = (text) => crypto.subtle.digest('SHA-256', utf8(text))
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')
  const bytesOf = (text) =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  const now = () => Math.floor((Date.now() + clock.ahead) / 1000)
  const jti = () => base64url(crypto.getRandomValues(new Uint8Array(16)))

  /** A new key that cannot leave the browser; its thumbprint is that of RFC 7638. */
  const createKeys = async () => {
    const keys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
    const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey)
    const thumbprint = base64url(await digest(JSON.stringify({ crv, kty, x, y })))
    return { keys, jwk: { kty, crv, x, y }, thumbprint }
  }

  /**
   * A compact JWS (RFC 7515 §7.1) by the key of the device. Audience, time and `jti` are put into the payload.
   * @param jwk of a key that the server does not know yet; otherwise the thumbprint says which it is
   */
  const sign = async ({ keys, thumbprint, issuer }, typ, payload, jwk) => {
    const header = { alg: 'ES256', typ, ...(jwk ? { jwk } : { kid: thumbprint }) }
    const parts = [header, { aud: issuer, iat: now(), jti: jti(), ...payload }]
    const text = parts.map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
    return `${text}.${base64url(await crypto.subtle.sign(algorithm, keys.privateKey, utf8(text)))}`
  }

  /** The value of `Authorization` for one call of the device API. */
  const authorize = async (device, method, url) => {
    const htu = new URL(url)
    htu.search = htu.hash = ''
    return `Device ${await sign(device, 'device-call+jwt', { htm: method, htu: htu.href })}`
  }

  /**
   * Asks for PIN, finger or face. By hand and not by `toJSON`, which iOS has only since 18.4.
   * @returns AuthenticationResponseJSON
   * @throws DOMException NotAllowedError: cancelled, or too late
   */
  const verifyUser = async ({ authenticator, rpId }, challenge) => {
    const allowed = {
      type: 'public-key',
      id: bytesOf(authenticator.id),
      transports: authenticator.transports,
    }
    const asked = { challenge, rpId, allowCredentials: [allowed], userVerification: 'required', timeout }
    const credential = await navigator.credentials.get({ publicKey: asked })
    const { authenticatorData, clientDataJSON, signature, userHandle } = credential.response
    return {
      id: credential.id,
      rawId: credential.id,
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: {
        authenticatorData: base64url(authenticatorData),
        clientDataJSON: base64url(clientDataJSON),
        signature: base64url(signature),
        userHandle: userHandle ? base64url(userHandle) : undefined,
      },
    }
  }

  /**
   * The answer to a request, as JSON text `{jws, assertion?}`. Approving asks for PIN, finger or face, whose answer signs
   * the hash of the decision.
   * @param request `{id, nonce, decision: 'approve' | 'deny' | 'report', num?, shown}`, `shown` as the server sent it
   */
  const decide = async (device, { id, nonce, decision, num, shown, ...request }) => {
    const issuer = request.issuer ?? device.issuer
    const ctx = base64url(await digest(shown))
    const payload = { txn: id, nonce, decision, ...(num ? { num } : {}), ctx }
    const jws = await sign({ ...device, issuer }, 'push-decision+jwt', payload)
    if (decision !== 'approve') return JSON.stringify({ jws })
    return JSON.stringify({ jws, assertion: await verifyUser(device, await digest(jws)) })
  }

  return {
    clock,
    open,
    list,
    get,
    put,
    remove,
    setting,
    set,
    accountTags,
    base64url,
    bytesOf,
    createKeys,
    sign,
    authorize,
    verifyUser,
    decide,
  }
})()

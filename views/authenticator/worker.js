/*
 * The worker of the app: its files without network, and notifications. The server puts one line before this file:
 * `self.shell = {"version": "…", "files": ["./", "app.js", …]}`, whose change is what makes a new worker.
 */
const policy = self.trustedTypes?.createPolicy('duepassi', { createScriptURL: () => 'keys.js' })
importScripts(policy?.createScriptURL('') ?? 'keys.js')

const { shell, duepassiAuthenticator: keys } = self
const prefix = 'duepassi-authenticator '
const scope = new URL(self.registration.scope)
const cacheName = `${prefix}${scope.pathname} ${shell.version}`
const issuer = new URL('..', scope).href.replace(/\/$/, '')

self.addEventListener('install', (event) => {
  const fill = async () => {
    const cache = await caches.open(cacheName)
    await cache.addAll(shell.files.map((file) => new Request(new URL(file, scope), { cache: 'reload' })))
    await self.skipWaiting()
  }
  event.waitUntil(fill())
})

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const old = (await caches.keys()).filter(
      (name) => name.startsWith(`${prefix}${scope.pathname} `) && name !== cacheName,
    )
    await Promise.all(old.map((name) => caches.delete(name)))
    await self.clients.claim()
  }
  event.waitUntil(clean())
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  const own = request.method === 'GET' && url.href.startsWith(scope.href)
  // Answers of the API are never kept.
  if (!own || url.pathname.startsWith(`${scope.pathname}api/`)) return
  event.respondWith(fromCache(request.mode === 'navigate' ? scope : url, request))
})

const fromCache = async (url, request) => {
  const cache = await caches.open(cacheName)
  return (await cache.match(url, { ignoreSearch: true })) ?? fetch(request)
}

/** The texts in the language of the app; undefined where there is no cache. */
const texts = async () => {
  const chosen = await keys.setting('language').catch(() => undefined)
  const first = navigator.languages
    ?.map((tag) => tag.slice(0, 2))
    .find((tag) => shell.files.includes(`${tag}.json`))
  const language = chosen || first || 'en'
  const kept = await fromCache(new URL(`${language}.json`, scope), new URL(`${language}.json`, scope))
  return { language, ...(await kept.json()) }
}

const readPush = (data) => {
  try {
    return data?.json() ?? {}
  } catch {
    return {}
  }
}

self.addEventListener('push', (event) => {
  const { id, exp, notification = {} } = readPush(event.data)
  const show = async () => {
    const own = await texts().catch(() => ({}))
    const late = exp !== undefined && exp * 1000 < Date.now()
    const part = late ? 'push.late' : 'push'
    // Always one, whatever happened before: browsers take the subscription away after a silent message.
    await self.registration.showNotification(own[`${part}.title`] ?? notification.title ?? 'Sign-in', {
      body: own[`${part}.body`] ?? notification.body ?? '',
      tag: 'request',
      renotify: true,
      requireInteraction: !late,
      lang: own.language ?? '',
      icon: new URL('icons/icon-192.png', scope).href,
      badge: new URL('icons/badge-96.png', scope).href,
      data: { id },
    })
    for (const client of await windows()) client.postMessage({ look: true })
  }
  event.waitUntil(show())
})

const windows = async () => {
  const all = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return all.filter(({ url }) => url.startsWith(scope.href))
}

self.addEventListener('notificationclick', (event) => {
  const { notification } = event
  notification.close()
  const id = notification.data?.id
  const open = async () => {
    const [client] = await windows()
    if (!client) return self.clients.openWindow(id ? new URL(`#r=${id}`, scope) : scope)
    client.postMessage(id ? { request: id } : { look: true })
    return client.focus()
  }
  event.waitUntil(open())
})

self.addEventListener('pushsubscriptionchange', (event) => {
  const renew = async () => {
    const subscription = event.newSubscription ?? (await subscribeAgain(event.oldSubscription))
    const { endpoint, keys: secrets } = subscription.toJSON()
    const address = { kind: 'web', endpoint, keys: { p256dh: secrets.p256dh, auth: secrets.auth } }
    const devices = await keys.list(issuer)
    await Promise.all(devices.map((device) => tell(device, address)))
  }
  event.waitUntil(renew())
})

const subscribeAgain = async (old) => {
  const applicationServerKey =
    old?.options.applicationServerKey ?? keys.bytesOf(await keys.setting('applicationServerKey'))
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
}

const tell = async (device, address) => {
  const url = new URL('api/device', scope)
  await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: await keys.authorize(device, 'PUT', url) },
    body: JSON.stringify({ address }),
  })
}

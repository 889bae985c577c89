/** Notifications: one subscription of this browser, told to the server for each account. */
const keys = globalThis.duepassiAuthenticator
/** Milliseconds; a browser without a push service may never answer. */
const patience = 20_000

const supported = () =>
  'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis

/** 'granted', 'denied', 'default' (not asked yet) or 'unsupported' */
export const permission = () => (supported() ? Notification.permission : 'unsupported')

/** Only in a gesture. */
export const askPermission = async () => {
  if (permission() === 'default') await Notification.requestPermission()
  return permission()
}

/**
 * The address for push messages, renewed where the server's key has changed.
 * @param applicationServerKey base64url; null where the server sends none
 * @returns the `address` of the device API; null where this browser cannot be reached
 */
export const subscribe = async (applicationServerKey) => {
  if (!applicationServerKey || permission() !== 'granted') return null
  try {
    return await within(patience, renew(applicationServerKey))
  } catch {
    return null
  }
}

const renew = async (applicationServerKey) => {
  const { pushManager } = await navigator.serviceWorker.ready
  // The worker needs it when the browser changes the subscription by itself.
  await keys.set('applicationServerKey', applicationServerKey)
  const present = await pushManager.getSubscription()
  const key = present?.options.applicationServerKey
  if (key && keys.base64url(key) === applicationServerKey) return addressOf(present)
  await present?.unsubscribe()
  const options = { userVisibleOnly: true, applicationServerKey: keys.bytesOf(applicationServerKey) }
  return addressOf(await pushManager.subscribe(options))
}

/** The next address is a new one. */
export const unsubscribe = async () => {
  const registration = await navigator.serviceWorker?.getRegistration()
  const present = await registration?.pushManager?.getSubscription().catch(() => null)
  await present?.unsubscribe().catch(() => false)
}

const addressOf = (subscription) => {
  const { endpoint, keys: secrets } = subscription.toJSON()
  return { kind: 'web', endpoint, keys: { p256dh: secrets.p256dh, auth: secrets.auth } }
}

const within = (milliseconds, work) =>
  Promise.race([
    work,
    new Promise((_, reject) => setTimeout(() => reject(new Error('no push service answered')), milliseconds)),
  ])

/** What was shown is answered or over. */
export const clearNotifications = async () => {
  const registration = await navigator.serviceWorker?.getRegistration()
  for (const notification of (await registration?.getNotifications()) ?? []) notification.close()
}

/** Starts the worker; its address is a constant, which Trusted Types want to be told. */
export const startWorker = async () => {
  if (!('serviceWorker' in navigator)) return
  const policy = globalThis.trustedTypes?.createPolicy('duepassi', { createScriptURL: () => 'worker.js' })
  const address = policy?.createScriptURL('') ?? 'worker.js'
  await navigator.serviceWorker.register(address, { updateViaCache: 'none' }).catch(() => {})
}

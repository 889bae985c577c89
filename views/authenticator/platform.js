/** What this phone or browser is and can do. */
const { userAgent, maxTouchPoints } = navigator
// An iPad calls itself a Mac.
export const isApple =
  /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)
export const isAndroid = /Android/.test(userAgent)
export const isInstalled = matchMedia('(display-mode: standalone)').matches || navigator.standalone === true

/** iOS gives notifications, and storage that lasts, only to apps on the Home Screen. */
export const mustInstallFirst = isApple && !isInstalled

/** @returns 'ios', 'android', 'windows', 'mac', 'linux' or 'other' */
export const platform = () => {
  if (isApple) return 'ios'
  if (isAndroid) return 'android'
  if (/Windows/.test(userAgent)) return 'windows'
  if (/Macintosh/.test(userAgent)) return 'mac'
  return /Linux|CrOS/.test(userAgent) ? 'linux' : 'other'
}

/** What keeps this browser from holding an account: 'insecure', 'unsupported', 'no-lock', or undefined. */
export const whatIsMissing = async () => {
  if (!isSecureContext) return 'insecure'
  if (!globalThis.PublicKeyCredential || !globalThis.indexedDB || !crypto.subtle) return 'unsupported'
  const locked = await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false)
  return locked ? undefined : 'no-lock'
}

/** The browser's offer to install, kept until somebody presses our button. */
let offer
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault()
  offer = event
  dispatchEvent(new Event('installable'))
})
addEventListener('appinstalled', () => {
  offer = undefined
})
export const canInstall = () => offer !== undefined
export const install = async () => {
  const used = offer
  offer = undefined
  await used?.prompt()
  return (await used?.userChoice)?.outcome === 'accepted'
}

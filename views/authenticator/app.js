/** The start of the app. */
import './account.js'
import './add.js'
import './home.js'
import './install.js'
import './number.js'
import './request.js'
import './settings.js'
import { tokenOf } from './enrolment.js'
import { begin } from './invitation.js'
import { clearNotifications, startWorker } from './push.js'
import { go, isShown, resume } from './screen.js'
import { checkIn, keepLooking, loadDevices, state } from './state.js'
import { chooseLanguage } from './texts.js'

/** Links into the app: an invitation, or a request. They are taken out of the address: an invitation is a secret. */
const follow = () => {
  const { hash } = location
  if (!hash) return false
  history.replaceState({ name: 'home', params: {} }, '', location.pathname + location.search)
  const request = /^#r=([\w-]{1,200})$/.exec(hash)?.[1]
  if (request) openRequest(request)
  const token = tokenOf(hash)
  if (token) begin(token)
  return Boolean(request || token)
}

const openRequest = (id) => {
  if (!isShown('request', id)) go('request', { id })
}

/** Nothing is looked for while an account is being added: the person is busy with something else. */
const wake = async () => {
  if (document.visibilityState !== 'visible') return
  await keepLooking()
  if (state.requests.length === 0) void clearNotifications()
}

const start = async () => {
  await chooseLanguage()
  await loadDevices()
  void startWorker()
  if (!follow()) resume()
  addEventListener('hashchange', follow)
  document.addEventListener('visibilitychange', () => void wake())
  for (const event of ['online', 'offline']) addEventListener(event, () => void keepLooking())
  // Of the worker: a notification was pressed, or one came.
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    if (data?.request) openRequest(data.request)
    else void keepLooking()
  })
  // A request does not wait until a push service has answered.
  await keepLooking()
  await checkIn()
}

void start()

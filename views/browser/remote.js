/* A page that waits for another device: it learns at once what happened there, and is read anew. */
;(() => {
  const one = (selector) => document.querySelector(selector)
  const watched = one('[data-watch]')
  if (!watched) return
  /** Milliseconds. */
  const silence = 5000
  const betweenFailures = 5000

  /** What is known: a name for where the sign-in stands, and after a full stop what is said of the request. */
  let known = watched.dataset.watch
  /** Why the page is to be read anew as soon as nobody is in the middle of something. */
  let due
  let over = false
  let source
  let poll
  let late

  const address = (how) => {
    const url = new URL(location.href)
    url.searchParams.set('watch', how)
    url.searchParams.set('state', known)
    url.hash = ''
    return url
  }

  const stop = () => {
    clearTimeout(late)
    source?.close()
    poll?.abort()
    source = poll = undefined
  }

  /** By a GET, also where this page is the answer to a form. */
  const readAnew = () => {
    over = true
    stop()
    const box = one('.needs-script [name=trust]')
    if (due !== 'answered' || !box?.checked) return location.replace(location.href.split('#')[0])
    // What was wished for beside the request goes with it.
    const button = document.createElement('button')
    Object.assign(button, { name: 'intent', value: 'arrived', formNoValidate: true, hidden: true })
    box.form.append(button)
    box.form.requestSubmit(button)
  }

  const settle = () => {
    if (over || !due || one('[aria-busy=true]')) return
    if (!one('[name=code]')?.value) return readAnew()
    one(`[data-${due}]`).hidden = false
    // A code is as good after the request has run out.
    if (due === 'ran-out') due = undefined
    else over = true
  }

  const learn = (state) => {
    if (over || state === known) return
    const [[place], [nextPlace, said]] = [known.split('.'), state.split('.')]
    known = state
    if (place !== nextPlace) {
      stop()
      due = isLate() ? 'ran-out' : 'answered'
      return settle()
    }
    const status = one('[data-status]')
    if (status) status.textContent = JSON.parse(status.dataset.status)[said ?? 'told']
    listen()
  }

  const ask = async () => {
    const own = new AbortController()
    poll = own
    while (!own.signal.aborted) {
      try {
        const asked = { cache: 'no-store', redirect: 'error', signal: own.signal }
        const response = await fetch(address('poll'), asked)
        if (!response.ok) throw new Error(`status ${response.status}`)
        const { state } = await response.json()
        if (state !== known) return own.signal.aborted || learn(state)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, betweenFailures))
      }
    }
  }

  const askInstead = () => {
    stop()
    void ask()
  }

  function listen() {
    stop()
    if (over) return
    if (!window.EventSource) return void ask()
    const own = new EventSource(address('events'))
    source = own
    // What lies between may hold the stream back until its end.
    late = setTimeout(askInstead, silence)
    own.addEventListener('waiting', () => clearTimeout(late))
    own.addEventListener('moved', ({ data }) => learn(data))
    own.addEventListener('error', () => {
      if (own.readyState === EventSource.CLOSED && own === source) askInstead()
    })
  }

  const shown = one('[data-left]')
  const seconds = Number(shown?.dataset.left ?? watched.dataset.seconds ?? Number.POSITIVE_INFINITY)
  const until = Date.now() + seconds * 1000
  const isLate = () => Date.now() >= until - 1000
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000))
    if (shown) shown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
    if (left === 0 && !ranOut) {
      ranOut = true
      due ??= 'ran-out'
    }
    settle()
  }
  let ranOut = false
  if (shown) tick()
  setInterval(tick, 500)

  listen()
  // While the page was out of sight its connection may have died unnoticed.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && !due) listen()
  })
  // What the person sends leads on by itself; reading the page anew meanwhile would undo it.
  addEventListener('submit', () => {
    over = true
    stop()
  })
  addEventListener('pagehide', stop)
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return
    over = false
    due = undefined
    listen()
  })
})()

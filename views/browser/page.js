/* Runs in the person's browser, on every page. Each part adds something to a page that works without it. */
;(() => {
  const all = (selector) => document.querySelectorAll(selector)

  for (const button of all('[data-reveal]')) {
    const input = document.getElementById(button.dataset.reveal)
    const show = (shown) => {
      input.type = shown ? 'text' : 'password'
      button.textContent = shown ? button.dataset.hide : button.dataset.show
      button.setAttribute('aria-label', shown ? button.dataset.hideLabel : button.dataset.showLabel)
    }
    button.hidden = false
    button.addEventListener('click', () => show(input.type === 'password'))
    // Sent as a password, so that the browser offers to save it and never remembers it as plain text.
    input.form.addEventListener('submit', () => show(false))
  }

  for (const button of all('[data-wait]')) {
    const until = performance.now() + Number(button.dataset.wait) * 1000
    const label = button.textContent
    const timer = setInterval(tick, 250)
    button.disabled = true
    tick()
    function tick() {
      const left = Math.ceil((until - performance.now()) / 1000)
      if (left > 0) {
        const minutes = Math.floor(left / 60)
        button.textContent = `${label} (${minutes}:${String(left % 60).padStart(2, '0')})`
        return
      }
      clearInterval(timer)
      button.textContent = label
      button.disabled = false
      // The text stands in a live region, so it is announced.
      for (const text of all('[data-wait-text]')) {
        text.textContent = button.dataset.waitOver
        text.closest('.alert')?.classList.add('over')
      }
    }
  }

  if (navigator.clipboard) {
    for (const button of all('[data-copy]')) {
      const label = button.textContent
      button.hidden = false
      button.addEventListener('click', async () => {
        const lines = [...all(`#${button.dataset.copy} li`)].map((line) => line.textContent.trim())
        try {
          await navigator.clipboard.writeText(lines.join('\n'))
        } catch {
          return getSelection().selectAllChildren(document.getElementById(button.dataset.copy))
        }
        button.textContent = button.dataset.done
        document.getElementById('copied').textContent = button.dataset.done
        setTimeout(() => {
          button.textContent = label
        }, 3000)
      })
    }
  }

  for (const button of all('[data-print]')) {
    button.hidden = false
    button.addEventListener('click', () => print())
  }

  // The server writes days in UTC.
  for (const time of all('[data-date]')) {
    const { lang } = document.documentElement
    const format = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, { dateStyle: 'long' })
    time.textContent = format.format(new Date(time.dateTime))
  }

  // A second press of the button while the first is under way sends nothing; coming back by the back button opens again.
  const sent = new Set()
  addEventListener('pageshow', () => sent.clear())
  addEventListener('submit', (event) => {
    if (sent.has(event.target)) event.preventDefault()
    else sent.add(event.target)
  })
})()

/* Where relying parties sign the person out in frames: goes on as soon as they are loaded, or have taken too long. */
;(() => {
  const next = document.querySelector('[data-next]')
  let gone = false
  const goOn = () => {
    if (gone) return
    gone = true
    // Replaced, so that "back" does not send the form again.
    location.replace(next.href)
  }
  // The page's own `load` waits for its frames.
  if (document.readyState === 'complete') return goOn()
  window.addEventListener('load', goOn)
  setTimeout(goOn, Number(next.dataset.next) * 1000)
})()

/** Reads a QR code with the camera, where the browser can (not in Safari and Firefox: there the code is typed). */
const pause = 150

export const canScan = () => 'BarcodeDetector' in globalThis && Boolean(navigator.mediaDevices?.getUserMedia)

/**
 * Shows the camera until a code is seen that `read` makes something of.
 * @param read gives undefined for codes of something else
 * @returns what `read` gave; undefined when `signal` was aborted
 * @throws DOMException NotAllowedError, NotFoundError …
 */
export const scan = async (video, signal, read) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    video.srcObject = stream
    await video.play()
    const detector = new BarcodeDetector({ formats: ['qr_code'] })
    while (!signal.aborted) {
      for (const { rawValue } of await detector.detect(video)) {
        const found = read(rawValue)
        if (found) return found
      }
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    return undefined
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}

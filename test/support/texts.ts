import assert from 'node:assert/strict'
import type { Mail, TextDelivery, TextMessage } from '../../src/delivery/delivery.ts'

/** Text messages that go nowhere but into a list, oldest first. `fails`: none can be handed over while it says so. */
export const collectTexts = () => {
  const texts: TextMessage[] = []
  const state = { fails: false }
  const delivery: TextDelivery = {
    async send(message) {
      if (state.fails) throw new Error('the line is dead')
      texts.push(message)
    },
    async close() {},
  }
  return { texts, delivery, state }
}

/** The six digits of a message. */
export const codeIn = (message: TextMessage | Mail | undefined): string => {
  const [code, ...more] = new Set(message?.text.match(/\b\d{6}\b/g) ?? [])
  assert.ok(code !== undefined && more.length === 0, 'one code in the message')
  return code
}

import type { Store } from '../../src/stores/store.ts'

export interface SpiedStore extends Store {
  /** The verbs in the order of their calls. */
  verbs: string[]
  /** Everything that was ever handed to the store, keys and values. */
  written: string
}

/** Writes down what a store is told. */
export function spied(store: Store): SpiedStore {
  const spy = { verbs: [] as string[], written: '' }
  const handler: ProxyHandler<Store> = {
    get(target, property) {
      if (property in spy) return Reflect.get(spy, property)
      const verb = Reflect.get(target, property)
      if (typeof verb !== 'function') return verb
      return (...words: unknown[]) => {
        spy.verbs.push(String(property))
        spy.written += `${words.join(' ')}\n`
        return verb.apply(target, words)
      }
    },
    set: (_target, property, value) => Reflect.set(spy, property, value),
  }
  return new Proxy(store, handler) as SpiedStore
}

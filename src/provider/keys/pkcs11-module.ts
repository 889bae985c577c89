import { DuepassiError } from '../../errors.ts'

/** What is used of the package `pkcs11js`, the binding of PKCS#11; an optional peer, found at run time. */
export interface Pkcs11 {
  C_GetSlotList(tokenPresent: boolean): Buffer[]
  C_GetTokenInfo(slot: Buffer): { label: string }
  C_OpenSession(slot: Buffer, flags: number): Buffer
  C_CloseSession(session: Buffer): void
  C_Login(session: Buffer, userType: number, pin: string): void
  C_FindObjectsInit(session: Buffer, template: Attribute[]): void
  C_FindObjects(session: Buffer, most: number): Buffer[]
  C_FindObjectsFinal(session: Buffer): void
  C_GetAttributeValue(
    session: Buffer,
    object: Buffer,
    template: Attribute[],
  ): Array<{ type: number; value: Buffer }>
  C_SignInit(session: Buffer, mechanism: { mechanism: number; parameter?: object }, key: Buffer): void
  C_SignAsync(session: Buffer, input: Buffer, output: Buffer): Promise<Buffer>
  load(path: string): void
  close(): void
  C_Initialize(options: { flags: number }): void
  C_Finalize(): void
}

export interface Attribute {
  type: number
  value?: Buffer | number | string | boolean
}

type Binding = { PKCS11: new () => Pkcs11 }

/** PKCS#11 2.40 §3.5, §4: the few names that are needed. */
export const ck = {
  lockingOk: 2,
  serialSession: 4,
  user: 1,
  publicKey: 2,
  privateKey: 3,
  attribute: {
    class: 0x000,
    label: 0x003,
    keyType: 0x100,
    modulus: 0x120,
    publicExponent: 0x122,
    ecParameters: 0x180,
    ecPoint: 0x181,
  },
  alreadyLoggedIn: 0x100,
  alreadyInitialized: 0x191,
} as const

const packageName: string = 'pkcs11js'

const loadBinding = async (): Promise<Binding> => {
  const loaded = (await import(packageName)) as Binding & { default?: Binding }
  return loaded.default ?? loaded
}

const open = new Map<string, { api: Promise<Pkcs11>; users: number }>()

/**
 * A library is initialized once in a process, whoever uses it; the last one who closes it ends it.
 *
 * @throws DuepassiError `not_configured` where the package or the library cannot be loaded
 */
export const usePkcs11 = async (path: string): Promise<{ api: Pkcs11; close(): void }> => {
  const shared = open.get(path) ?? { api: load(path), users: 0 }
  open.set(path, shared)
  shared.users += 1
  const leave = (): boolean => {
    shared.users -= 1
    if (shared.users === 0) open.delete(path)
    return shared.users === 0
  }
  try {
    const api = await shared.api
    return {
      api,
      close() {
        if (!leave()) return
        api.C_Finalize()
        api.close()
      },
    }
  } catch (error) {
    leave()
    throw error
  }
}

const load = async (path: string): Promise<Pkcs11> => {
  const { PKCS11 } = await loadBinding().catch((cause: unknown) => {
    throw misfit('needs the package pkcs11js: `npm install pkcs11js` (it is compiled on this machine)', cause)
  })
  const api = new PKCS11()
  try {
    api.load(path)
  } catch (cause) {
    throw misfit(`cannot load the library ${path}`, cause)
  }
  try {
    api.C_Initialize({ flags: ck.lockingOk })
  } catch (cause) {
    if (codeOf(cause) !== ck.alreadyInitialized) throw misfit(`cannot initialize the library ${path}`, cause)
  }
  return api
}

export const misfit = (message: string, cause?: unknown): DuepassiError =>
  new DuepassiError('not_configured', `a PKCS#11 signer ${message} (keys.signers)`, { cause })

/** The CKR_ code of a failure. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined

import type { Sealer } from '../crypto/sealing.ts'
import type {
  ClientMetadata,
  Credential,
  Directory,
  RingKey,
  SecondFactorDirectory,
  Token,
} from './directory.ts'

/**
 * The same directory with secrets sealed at rest: a credential's `secret`, a client's `client_secret`, a token's `seed` and
 * the `material` of a key, each bound to its row, so that a record copied to another row does not open. Everything else passes
 * through, and every error too; a record that does not open rejects with `sealed_badly`.
 */
export function sealedDirectory<Kind extends SecondFactorDirectory>(directory: Kind, sealer: Sealer): Kind {
  const sealing = {
    ...sealedCredentials(directory, sealer),
    ...(keepsClients(directory) && sealedClients(directory, sealer)),
    ...(keepsTokens(directory) && sealedTokens(directory, sealer)),
    ...(keepsKeys(directory) && sealedKeys(directory, sealer)),
  }
  return new Proxy(directory, {
    get(target, property) {
      if (property in sealing) return Reflect.get(sealing, property)
      const value: unknown = Reflect.get(target, property)
      // Bound, because an implementation of a host may be a class with private fields.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const keepsClients = (directory: SecondFactorDirectory | Directory): directory is Directory =>
  'clientById' in directory && 'addClient' in directory

const keepsTokens = (directory: SecondFactorDirectory | Directory): directory is Directory =>
  'tokenBySerial' in directory && 'addTokens' in directory

const keepsKeys = (directory: SecondFactorDirectory | Directory): directory is Directory =>
  'keys' in directory && 'addKey' in directory

type Credentials = Pick<
  SecondFactorDirectory,
  'credentials' | 'addCredential' | 'credentialByHandle' | 'changeCredential'
>

function sealedCredentials(directory: SecondFactorDirectory, sealer: Sealer): Credentials {
  const binding = ({ accountId, id }: Pick<Credential, 'accountId' | 'id'>) => `credential:${accountId}:${id}`
  const opened = (credential: Credential): Credential => ({
    ...credential,
    secret: sealer.open(credential.secret, binding(credential)),
  })
  return {
    credentials: async (accountId) => (await directory.credentials(accountId)).map(opened),
    async credentialByHandle(factor, handle) {
      const found = await directory.credentialByHandle(factor, handle)
      return found && opened(found)
    },
    addCredential: async (credential) =>
      directory.addCredential({ ...credential, secret: sealer.seal(credential.secret, binding(credential)) }),
    async changeCredential(accountId, id, change) {
      if (change.secret === undefined) return directory.changeCredential(accountId, id, change)
      const secret = sealer.seal(change.secret, binding({ accountId, id }))
      return directory.changeCredential(accountId, id, { ...change, secret })
    },
  }
}

type Clients = Pick<Directory, 'clientById' | 'addClient' | 'changeClient'>

function sealedClients(directory: Directory, sealer: Sealer): Clients {
  const withSecret = (metadata: ClientMetadata, treat: Sealer['seal']): ClientMetadata =>
    typeof metadata.client_secret === 'string'
      ? { ...metadata, client_secret: treat(metadata.client_secret, `client:${metadata.client_id}`) }
      : metadata
  return {
    async clientById(id) {
      const metadata = await directory.clientById(id)
      return metadata && withSecret(metadata, sealer.open)
    },
    addClient: async (metadata) => directory.addClient(withSecret(metadata, sealer.seal)),
    changeClient: async (metadata) => directory.changeClient(withSecret(metadata, sealer.seal)),
  }
}

type Tokens = Pick<Directory, 'tokens' | 'tokenBySerial' | 'addTokens'>

function sealedTokens(directory: Directory, sealer: Sealer): Tokens {
  const withSeed = (token: Token, treat: Sealer['seal']): Token => ({
    ...token,
    seed: treat(token.seed, `token:${token.serial}`),
  })
  return {
    tokens: async (accountId) =>
      (await directory.tokens(accountId)).map((token) => withSeed(token, sealer.open)),
    async tokenBySerial(serial) {
      const token = await directory.tokenBySerial(serial)
      return token && withSeed(token, sealer.open)
    },
    addTokens: async (tokens) => directory.addTokens(tokens.map((token) => withSeed(token, sealer.seal))),
  }
}

type Keys = Pick<Directory, 'keys' | 'addKey'>

function sealedKeys(directory: Directory, sealer: Sealer): Keys {
  const withMaterial = (key: RingKey, treat: Sealer['seal']): RingKey => ({
    ...key,
    material: treat(key.material, `key:${key.use}:${key.alg}:${key.generation}:${key.kid}`),
  })
  return {
    keys: async () => (await directory.keys()).map((key) => withMaterial(key, sealer.open)),
    addKey: async (key) => directory.addKey(withMaterial(key, sealer.seal)),
  }
}

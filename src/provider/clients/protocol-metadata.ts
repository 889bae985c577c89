import type { Config } from '../../config/schema.ts'
import { sectorWithHost } from '../pairwise.ts'
import { keysOverTls, readableSubject } from './client-authentication.ts'
import type { CertificateNames } from './client-certificate.ts'
import { fapiClients } from './fapi.ts'
import { noBoundTokensWithout } from './mtls.ts'
import { ownMetadata } from './own-metadata.ts'
import { pkceException } from './pkce.ts'
import { refreshRotation } from './refresh-rotation.ts'

/** What a client may say of the protocol beyond the standards, and what it may not say though they allow it. */
export const protocolMetadata = (config: Config, names: CertificateNames | undefined) =>
  ownMetadata(
    fapiClients,
    pkceException,
    refreshRotation,
    sectorWithHost,
    keysOverTls(config),
    ...readableSubject(names),
    ...noBoundTokensWithout(config),
  )

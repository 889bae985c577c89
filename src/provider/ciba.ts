import { finished } from 'node:stream/promises'
import {
  type BackchannelAuthenticationRequest,
  type Client,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import type { Directory } from '../directory/directory.ts'
import type { Log } from '../log.ts'

interface Parts {
  directory: Pick<Directory, 'accountByName'>
  ask(request: BackchannelAuthenticationRequest, client: Client): Promise<void>
  log: Log
}

/** Seconds; nobody has a phone in their hand for longer. */
const longestLife = 300

/**
 * What a phone can show in one line, and shows alike everywhere: no controls, no change of direction, nothing invisible
 * (Unicode UAX #44: General_Category C and Z, Default_Ignorable_Code_Point).
 */
const isBindingMessage = (text: string): boolean =>
  /^[^\p{C}\p{Z}\p{DI}]([^\p{C}\p{Zl}\p{Zp}\p{DI}]{0,62}[^\p{C}\p{Z}\p{DI}])?$/u.test(text)

/**
 * Client-Initiated Backchannel Authentication (CIBA Core 1.0) by poll and ping: the person is asked on their phone, which shows
 * the binding message beside the application's name.
 */
export const ciba = ({
  directory,
  ask,
  log,
}: Parts): NonNullable<NonNullable<Configuration['features']>['ciba']> => ({
  enabled: true,
  deliveryModes: ['poll', 'ping'],
  async validateRequestContext({ oidc }: KoaContextWithOIDC) {
    // Otherwise whoever reads a client_id could ring anybody's phone (§4: the client must authenticate).
    if (oidc.client?.clientAuthMethod === 'none')
      throw new errors.UnauthorizedClient('a client without a secret must not ask people')
  },
  async validateBindingMessage(_ctx, message) {
    if (message === undefined || !isBindingMessage(message))
      throw new errors.InvalidBindingMessage(
        'binding_message is needed: 1 to 64 printable characters, shown on both devices',
      )
  },
  async processLoginHint(_ctx, hint) {
    const account = await directory.accountByName(hint ?? '')
    return account?.disabledAt === null ? account.id : undefined
  },
  async processLoginHintToken() {
    throw new errors.InvalidRequest('login_hint_token is not supported: use login_hint or id_token_hint')
  },
  async verifyUserCode(_ctx, _account, code) {
    if (code !== undefined) throw new errors.InvalidRequest('user_code is not supported')
  },
  async triggerAuthenticationDevice(ctx, request, _account, client) {
    // An answer that never arrived leaves nobody who could redeem it.
    void finished(ctx.res).then(
      () => ask(request, client).catch((err: unknown) => log.error({ err }, 'a person could not be asked')),
      () => undefined,
    )
  },
})

/** Seconds that an `auth_req_id` is good for, and the request on the phone with it. `usual`: where nothing is asked for. */
export const requestLife =
  (usual: number) =>
  (ctx: KoaContextWithOIDC | undefined): number =>
    Math.min(longestLife, Number(ctx?.oidc?.params?.['requested_expiry'] ?? usual))

import { z } from 'zod'

/** Of the JSON text; an ML-DSA-65 key with its attestation fits. */
const longestAnswer = 16_384

/** WebAuthn L3 §7.1: ids are at most 1023 bytes, which are 1364 characters. */
const longestId = 1_364

/** Without padding, as `toJSON()` writes it: one text for one sequence of bytes, whoever decodes it. */
const base64url = z.string().regex(/^[\w-]+$/)

const credential = {
  id: base64url.max(longestId),
  rawId: base64url,
  type: z.literal('public-key'),
}

const sameIds = ({ id, rawId }: { id: string; rawId: string }) => id === rawId

const assertion = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url,
      authenticatorData: base64url,
      signature: base64url,
      userHandle: base64url.nullish(),
    }),
  })
  .refine(sameIds)

const attestation = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url,
      attestationObject: base64url,
      transports: z.array(z.string().max(32)).max(16).default([]),
    }),
    clientExtensionResults: z
      .object({ credProps: z.object({ rk: z.boolean().optional() }).optional() })
      .catch({}),
  })
  .refine(sameIds)

/** What of AuthenticationResponseJSON is looked at (WebAuthn L3 §5.1.8.2). */
export type Assertion = z.infer<typeof assertion>
/** What of RegistrationResponseJSON is looked at (WebAuthn L3 §5.1.8.1). */
export type Attestation = z.infer<typeof attestation>

/** The assertion in `credential.toJSON()`; undefined when it cannot be one. */
export const readAssertion = (answer: string): Assertion | undefined => read(assertion, answer)

/** The new credential in `credential.toJSON()`; undefined when it cannot be one. */
export const readAttestation = (answer: string): Attestation | undefined => read(attestation, answer)

const read = <Output>(schema: z.ZodType<Output>, answer: string): Output | undefined => {
  if (answer.length > longestAnswer) return undefined
  try {
    return schema.safeParse(JSON.parse(answer)).data
  } catch {
    return undefined
  }
}

/** Whether the challenge that was signed is the question's: whether it is right is for `verifyAssertion` to say. */
export const isAssertionTo = (answer: string, question: Readonly<Record<string, unknown>>): boolean => {
  const clientData = readAssertion(answer)?.response.clientDataJSON
  const asked = z.object({ challenge: z.string() }).safeParse(question['options']).data?.challenge
  if (clientData === undefined || asked === undefined) return false
  try {
    const { data } = z
      .object({ challenge: z.string() })
      .safeParse(JSON.parse(Buffer.from(clientData, 'base64url').toString()))
    return data?.challenge === asked
  } catch {
    return false
  }
}

const embedding = z.object({ crossOrigin: z.boolean().optional(), topOrigin: z.string().optional() })

/**
 * May the page that asked lie in the page that it lay in (WebAuthn L3 §7.1, §7.2, §13.4.9)?
 * Browsers that do not name the outer page yet are told apart by `crossOrigin` alone; what holds there is the
 * `frame-ancestors` of our own.
 *
 * @throws SyntaxError for client data that is not JSON
 */
export const isEmbeddedRightly = (clientDataJSON: string, topOrigins: readonly string[]): boolean => {
  const { data } = embedding.safeParse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()))
  if (!data) return false
  const { crossOrigin = false, topOrigin } = data
  if (topOrigin !== undefined) return crossOrigin && topOrigins.includes(topOrigin)
  return !crossOrigin || topOrigins.length > 0
}

import assert from 'node:assert/strict'
import { detailTypesUsable } from '../../src/config/detail-rules.ts'
import { schema } from '../../src/config/schema.ts'

const bank = 'https://bank.example/'
const check = (authorizationDetails: object[]) =>
  detailTypesUsable(
    schema.parse({
      issuer: 'https://id.example',
      resources: [{ id: bank, clients: ['*'] }],
      protocol: { authorizationDetails },
    }),
  ).map(({ path, message }) => `${path.join('.')} ${message}`)

describe('types of authorization details', () => {
  it('are asked for each time, and have no fields of their own, unless it is written', () => {
    const { authorizationDetails } = schema.parse({
      issuer: 'https://id.example',
      protocol: { authorizationDetails: [{ type: 'payment', resource: bank }] },
    }).protocol
    assert.deepEqual(authorizationDetails, [
      { type: 'payment', resource: bank, fields: [], names: {}, consent: 'always' },
    ])
  })

  it('belong to a resource server that there is, and stand once', () => {
    assert.deepEqual(check([{ type: 'payment', resource: bank }]), [])
    assert.deepEqual(check([{ type: 'payment', resource: 'https://other.example/' }]), [
      'protocol.authorizationDetails.0.resource is none of `resources`: "https://other.example/".',
    ])
    assert.deepEqual(
      check([
        { type: 'payment', resource: bank },
        { type: 'payment', resource: bank, consent: 'client' },
      ]),
      ['protocol.authorizationDetails.1.type is there already: "payment".'],
    )
  })
})

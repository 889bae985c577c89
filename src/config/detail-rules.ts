import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

/** Each type of authorization details stands once, and is for a resource server that there is. */
export const detailTypesUsable = ({ protocol, resources }: Config): Breach[] =>
  protocol.authorizationDetails.flatMap(({ type, resource }, at, all): Breach[] => {
    const path = ['protocol', 'authorizationDetails', at] as const
    if (all.findIndex((one) => one.type === type) < at)
      return [
        { path: [...path, 'type'], message: `is there already: "${type}".`, fix: 'Remove the repetition.' },
      ]
    if (resources.some(({ id }) => id === resource)) return []
    return [
      {
        path: [...path, 'resource'],
        message: `is none of \`resources\`: "${resource}".`,
        fix: 'Add it there, with the clients that may ask for it.',
      },
    ]
  })

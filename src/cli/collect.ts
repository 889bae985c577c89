/** For commander: an option that may be given several times, as a list. */
export const collect = (value: string, previous: string[]): string[] => [...previous, value]

/** What a group may be called: 1 to 40 ASCII letters, digits, `-`, `_` and `.`, compared as they are. */
export const isGroupName = (name: string): boolean => /^[A-Za-z0-9._-]{1,40}$/.test(name)

/**
 * One spelling for each name: all ways of typing a user name or e-mail address lead to one account and so to
 * one counter (Authelia CVE-2025-24806 is what happens otherwise).
 */
export const canonicalName = (name: string): string =>
  name.normalize('NFKC').replace(/\s+/gu, '').toLowerCase().normalize('NFKC')

/**
 * PostgreSQL text holds no U+0000 and answers an error for it, which would read as an outage. Nothing is stored under
 * such a key, so looking for it finds nothing.
 */
export const isText = (key: string): boolean => !key.includes('\0')

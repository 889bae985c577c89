export interface ReadOptions {
  /** Milliseconds since the epoch: tokens that have expired by then are faults. */
  now: number
  /** Of a file encrypted with a password. A file in which nothing is encrypted is then refused. */
  password?: string | undefined
  /** Of a file encrypted with a pre-shared key: 16, 24 or 32 bytes. As above. */
  preSharedKey?: Buffer | undefined
  /** The name that the file has to give its key, where the person importing knows it. */
  keyName?: string | undefined
}

import { Redis } from 'ioredis'
import { onStop } from '../test/support/machine.ts'
import { startRedis } from '../test/support/redis.ts'

/** A Redis server of its own for one measured server, so that its CPU and its memory are that server's. */
export interface OwnRedis {
  url: string
  client: Redis
  /** Milliseconds of CPU since its start. */
  cpu(): Promise<number>
}

export const startOwnRedis = async (): Promise<OwnRedis> => {
  const { url } = await startRedis()
  const client = new Redis(url)
  onStop(async () => client.disconnect())
  return {
    url,
    client,
    async cpu() {
      const info = await client.info('cpu')
      const seconds = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1])
      return (seconds('used_cpu_sys') + seconds('used_cpu_user')) * 1000
    },
  }
}

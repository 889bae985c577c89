/** Protocol Buffers (protobuf.dev/programming-guides/encoding), as much as Chromium's push service speaks. */

export const varint = (value: number | bigint): Buffer => {
  const septets: number[] = []
  let left = BigInt(value)
  for (; left > 127n; left >>= 7n) septets.push(Number(left & 127n) | 128)
  return Buffer.from([...septets, Number(left)])
}

export const integer = (field: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(field << 3), varint(value)])

export const fixed64 = (field: number, value: bigint): Buffer => {
  const eight = Buffer.alloc(8)
  eight.writeBigUInt64LE(value)
  return Buffer.concat([varint((field << 3) | 1), eight])
}

/** Text, bytes, or a message. */
export const content = (field: number, value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes])
}

/** What is at `at`, and where the next thing begins; undefined where the bytes end before it does. */
export const readVarint = (bytes: Buffer, at: number): { value: bigint; next: number } | undefined => {
  let value = 0n
  for (let next = at, shift = 0n; next < bytes.length; next++, shift += 7n) {
    const septet = bytes[next] ?? 0
    value |= BigInt(septet & 127) << shift
    if (septet < 128) return { value, next: next + 1 }
  }
  return undefined
}

/** The values of a message by the numbers of their fields, in order. */
export const readMessage = (bytes: Buffer): Map<number, (bigint | Buffer)[]> => {
  const fields = new Map<number, (bigint | Buffer)[]>()
  const add = (field: number, value: bigint | Buffer) =>
    fields.set(field, [...(fields.get(field) ?? []), value])
  const whole = (read: ReturnType<typeof readVarint>) => {
    if (read === undefined) throw new Error('A protobuf message ends too early.')
    return read
  }
  for (let at = 0; at < bytes.length; ) {
    const { value: key, next } = whole(readVarint(bytes, at))
    const field = Number(key >> 3n)
    switch (Number(key & 7n)) {
      case 0: {
        const read = whole(readVarint(bytes, next))
        add(field, read.value)
        at = read.next
        break
      }
      case 1:
        add(field, bytes.readBigUInt64LE(next))
        at = next + 8
        break
      case 2: {
        const length = whole(readVarint(bytes, next))
        at = length.next + Number(length.value)
        add(field, bytes.subarray(length.next, at))
        break
      }
      case 5:
        add(field, BigInt(bytes.readUInt32LE(next)))
        at = next + 4
        break
      default:
        throw new Error(`Wire type ${key & 7n} is not known.`)
    }
  }
  return fields
}

import smpp from 'smpp'

export interface EncodedText {
  dataCoding: number
  /** One for each message that goes out, with the header (TS 23.040 §9.2.3.24.1) that joins them again. */
  parts: readonly { udh?: Buffer; message: Buffer }[]
}

/** SMPP 3.4 §5.2.19; the default alphabet of an SMSC is GSM 03.38, one character an octet. */
const gsm = { dataCoding: 0, encode: smpp.encodings.ASCII.encode, whole: 160, part: 153 }
/** The same 140 octets of the air interface, less 6 for the header of a part. */
const ucs2 = { dataCoding: 8, encode: smpp.encodings.UCS2.encode, whole: 140, part: 134 }

const mostParts = 10

/**
 * A text in GSM 03.38 when it fits, else in UCS-2 (UTF-16, so that emoji survive), cut where it is too long for one
 * message, never inside a character. Parts carry their number in a header each: `message_payload` would be one field,
 * but not every SMSC takes it.
 *
 * @param options.unicode whether UCS-2 is used for every text
 * @param options.reference one byte, the same for all parts of this text
 * @throws Error when the text is empty or longer than ten messages
 */
export function encodeText(
  text: string,
  { unicode, reference }: { unicode: boolean; reference: number },
): EncodedText {
  if (text === '') throw new Error('a text message without a text')
  // The escape is in the library's table, but it is no character.
  const fits = !unicode && smpp.encodings.ASCII.match(text) && !text.includes('\x1b')
  const alphabet = fits ? gsm : ucs2
  const characters = [...text].map((character) => alphabet.encode(character))
  const { dataCoding } = alphabet
  const [whole, ...more] = cut(characters, alphabet.whole)
  if (whole && more.length === 0) return { dataCoding, parts: [{ message: whole }] }
  const pieces = cut(characters, alphabet.part)
  if (pieces.length > mostParts) throw new Error('this text is too long for a text message')
  const parts = pieces.map((message, index) => ({
    udh: Buffer.from([5, 0, 3, reference, pieces.length, index + 1]),
    message,
  }))
  return { dataCoding, parts }
}

const cut = (characters: readonly Buffer[], size: number): Buffer[] => {
  const pieces: Buffer[][] = []
  let room = 0
  for (const character of characters) {
    if (character.length > room) {
      pieces.push([])
      room = size
    }
    pieces.at(-1)?.push(character)
    room -= character.length
  }
  return pieces.map((piece) => Buffer.concat(piece))
}

/**
 * Reading the whole body of an answer.
 *
 * @module
 */

/** Bytes that there is room for at first. */
const FIRST_ROOM = 16 * 1024;

/**
 * Reads a body that may have so many bytes. They are copied: a chunk of one byte
 * may keep a buffer of many alive.
 *
 * @param response The answer; its body is cancelled when it is too long.
 * @param most Most bytes.
 * @param into Where they go, if it is long enough.
 * @returns The bytes, or `undefined` when there are more.
 */
export async function readBody(
  response: Response,
  most: number,
  into: Uint8Array<ArrayBuffer> = new Uint8Array(Math.min(most, FIRST_ROOM)),
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let bytes = into;
  let length = 0;
  for await (const chunk of response.body ?? []) {
    const end = length + chunk.length;
    if (end > most) return undefined;
    if (end > bytes.length) {
      const longer = new Uint8Array(Math.min(most, Math.max(end, 2 * length)));
      longer.set(bytes.subarray(0, length));
      bytes = longer;
    }
    bytes.set(chunk, length);
    length = end;
  }
  return bytes.subarray(0, length);
}

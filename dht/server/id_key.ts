/**
 * Keys of maps by id.
 *
 * @module
 */
import { toByteString } from "../../_shared/bytes.ts";

/**
 * Turns an id into a string of one character a byte. Of 20 bytes this is
 * several times faster than the general way, which spreads them.
 */
export function idKey(id: Uint8Array): string {
  if (id.length !== 20) return toByteString(id);
  return String.fromCharCode(
    id[0]!,
    id[1]!,
    id[2]!,
    id[3]!,
    id[4]!,
    id[5]!,
    id[6]!,
    id[7]!,
    id[8]!,
    id[9]!,
    id[10]!,
    id[11]!,
    id[12]!,
    id[13]!,
    id[14]!,
    id[15]!,
    id[16]!,
    id[17]!,
    id[18]!,
    id[19]!,
  );
}

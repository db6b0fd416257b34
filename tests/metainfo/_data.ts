/** Where the test data is, when it is there. */

const root = new URL("../../../shared/data/", import.meta.url);

/**
 * Reads a file of the data set.
 *
 * @param path Below the data folder.
 * @returns Its bytes, or `undefined` when it is not there.
 */
export function loadBytes(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Deno.readFileSync(new URL(path, root));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Reads a JSON file of the data set.
 *
 * @param path Below the data folder.
 * @returns Its entries, none when it is not there.
 */
export function loadEntries(path: string): Record<string, unknown>[] {
  const bytes = loadBytes(path);
  if (bytes === undefined) return [];
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * The protocol vectors of one group.
 *
 * @param group Name of the group.
 * @returns The entries, none when the data set is not there.
 */
export function loadVectors(
  group: string,
): (Record<string, unknown> & { name: string })[] {
  return loadEntries("vectors.json").filter((v) => v.group === group) as (
    & Record<string, unknown>
    & { name: string }
  )[];
}

/**
 * The payload that the vectors describe by a rule.
 *
 * @param k Which file of the rule.
 * @param length Bytes.
 * @returns The bytes.
 */
export function payload(k: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = i * 31 + k * 7 + (i >> 8) + (i >> 16) * 13;
  }
  return bytes;
}

/** Repeatable file content, and comparison of what arrived with it. */
import { seededRandom } from "../../_shared/random.ts";

/** Files by path below a folder, and their sizes. */
export type PayloadFiles = Readonly<Record<string, number>>;

/** Sizes and names that catch off-by-one errors and text handling. */
export const ODD_FILES: PayloadFiles = {
  "a.bin": 3_000_001,
  "empty.txt": 0,
  "one": 1,
  "naïve/日本語 файл.txt": 70_000,
  "naïve/deep/er/exact": 524_288,
  "z/last.dat": 1_234_567,
};

/** Content of a file: depends on its path only. */
export function payloadBytes(
  path: string,
  length: number,
): Uint8Array<ArrayBuffer> {
  let seed = length >>> 0;
  for (const char of path) {
    seed = (Math.imul(seed, 31) + char.codePointAt(0)!) >>> 0;
  }
  return seededRandom(seed)(new Uint8Array(length));
}

/** Writes the files below a folder. */
export async function writePayload(
  folder: string,
  files: PayloadFiles,
): Promise<void> {
  for (const [path, length] of Object.entries(files)) {
    const full = `${folder}/${path}`;
    await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(full, payloadBytes(path, length));
  }
}

/** Compares every file byte for byte; throws with the first difference. */
export async function comparePayload(
  folder: string,
  files: PayloadFiles,
): Promise<void> {
  for (const [path, length] of Object.entries(files)) {
    const expected = payloadBytes(path, length);
    const actual = await Deno.readFile(`${folder}/${path}`);
    if (actual.length !== length) {
      throw new Error(
        `${path} has ${actual.length} bytes: expected ${length}`,
      );
    }
    for (let i = 0; i < length; i++) {
      if (actual[i] !== expected[i]) {
        throw new Error(`${path} differs at byte ${i}`);
      }
    }
  }
}

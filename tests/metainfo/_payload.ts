/** Payloads for creation and verification tests, and naive hashing of them. */
import { createHash } from "node:crypto";
import { seededRandom } from "../../_shared/random.ts";

/** Paths inside a torrent, joined by `/`, and their content. */
export type Tree = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** Seeded bytes. */
export function bytesOf(
  length: number,
  seed: number,
): Uint8Array<ArrayBuffer> {
  return seededRandom(seed)(new Uint8Array(length));
}

/** Bytes anyone can make: the i-th is i * 131 + (i >> 8) * 7 + seed. */
export function patternOf(
  length: number,
  seed: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 131 + (i >> 8) * 7 + seed;
  return bytes;
}

/** Writes a tree below a folder. */
export async function writeTree(folder: string, tree: Tree): Promise<void> {
  for (const [path, bytes] of Object.entries(tree)) {
    const full = `${folder}/${path}`;
    await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.writeFile(full, bytes);
  }
}

/** A stream of bytes in chunks of changing size. */
export function streamOf(
  bytes: Uint8Array,
  seed: number,
): ReadableStream<Uint8Array> {
  const random = seededRandom(seed);
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      const [a, b] = random(new Uint8Array(2));
      const length = a! < 32 ? b! & 3 : a! * 700 + b!;
      controller.enqueue(bytes.slice(offset, offset + length));
      offset += length;
    },
  });
}

/** A digest of some bytes. */
export function digest(
  algorithm: "sha1" | "sha256",
  ...parts: Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** SHA-1 of each piece of some bytes (BEP 3). */
export function sha1Pieces(
  bytes: Uint8Array,
  pieceLength: number,
): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(bytes.length / pieceLength);
  const hashes = new Uint8Array(20 * count);
  for (let i = 0; i < count; i++) {
    const piece = bytes.subarray(i * pieceLength, (i + 1) * pieceLength);
    hashes.set(digest("sha1", piece), 20 * i);
  }
  return hashes;
}

/** Root of a whole binary tree over SHA-256 of 16 KiB blocks (BEP 52). */
export function sha256Root(
  bytes: Uint8Array,
  leafCount: number,
): Uint8Array<ArrayBuffer> {
  let nodes: Uint8Array[] = [];
  for (let i = 0; i < leafCount; i++) {
    const block = bytes.subarray(i * 16384, (i + 1) * 16384);
    nodes.push(block.length > 0 ? digest("sha256", block) : new Uint8Array(32));
  }
  while (nodes.length > 1) {
    const parents: Uint8Array[] = [];
    for (let i = 0; i < nodes.length; i += 2) {
      parents.push(digest("sha256", nodes[i]!, nodes[i + 1]!));
    }
    nodes = parents;
  }
  return new Uint8Array(nodes[0]!);
}

/** The smallest power of two that is not below a number. */
export function powerOfTwo(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  return power;
}

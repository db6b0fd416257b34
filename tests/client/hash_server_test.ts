import { assert, assertEquals } from "@std/assert";
import { equalBytes, toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { HashServer } from "../../client/hash_server.ts";
import {
  BLOCK_SIZE,
  createMetainfo,
  merkleParents,
  parseMetainfo,
  sha256,
} from "../../metainfo/mod.ts";
import { hashProofLength } from "../../peer/mod.ts";

/** Folds a run and its proof up to a root, independently of the server. */
function fold(
  hashes: Uint8Array,
  range: { index: number; length: number; baseLayer: number },
): Uint8Array {
  let run = hashes.subarray(0, 32 * range.length);
  const proof = hashes.subarray(32 * range.length);
  let layer = range.baseLayer;
  while (run.length > 32) run = merkleParents(run, layer++);
  let position = range.index / range.length;
  for (let at = 0; at < proof.length; at += 32) {
    const uncle = proof.subarray(at, at + 32);
    const pair = new Uint8Array(64);
    pair.set(position % 2 === 0 ? run : uncle);
    pair.set(position % 2 === 0 ? uncle : run, 32);
    run = sha256(pair);
    position = Math.floor(position / 2);
  }
  return run;
}

Deno.test("HashServer proves every run of every file up to its root", async () => {
  const random = seededRandom(1);
  const data = [9, 33, 64, 100].map((blocks) =>
    random(new Uint8Array(blocks * BLOCK_SIZE - 5))
  );
  const metainfo = parseMetainfo(
    await createMetainfo({
      name: "x",
      inputs: data.map((bytes, i) => ({ path: [`f${i}`], bytes })),
      version: "v2",
      pieceLength: 2 * BLOCK_SIZE,
    }),
  );
  const server = new HashServer(metainfo);
  let answered = 0;
  for (const file of metainfo.files) {
    const height = Math.ceil(Math.log2(Math.ceil(file.length / BLOCK_SIZE)));
    const piecesRoot = file.piecesRoot!;
    for (let baseLayer = 0; baseLayer <= height; baseLayer++) {
      for (let length = 2; length <= 64; length *= 2) {
        const count = 2 ** (height - baseLayer);
        for (let index = 0; index < count + length; index += length) {
          const proofLayers = height - baseLayer - 1;
          const range = { piecesRoot, baseLayer, index, length, proofLayers };
          const hashes = server.answer(range);
          // Of the leaves only those that are padding are known.
          if (baseLayer >= 1) {
            assertEquals(hashes !== undefined, index + length <= count);
          }
          if (hashes === undefined) continue;
          answered++;
          assertEquals(hashes.length, 32 * (length + hashProofLength(range)));
          assertEquals(toHex(fold(hashes, range)), toHex(piecesRoot));
        }
      }
    }
    const wrong = piecesRoot.slice();
    wrong[0]! ^= 1;
    assert(!equalBytes(wrong, piecesRoot));
    assertEquals(
      server.answer({
        piecesRoot: wrong,
        baseLayer: 1,
        index: 0,
        length: 2,
        proofLayers: 1,
      }),
      undefined,
    );
    assertEquals(
      server.answer({
        piecesRoot,
        baseLayer: 1,
        index: 0,
        length: 2,
        proofLayers: height + 5,
      }),
      undefined,
    );
  }
  assert(answered > 50);
});

import { assert, assertEquals } from "@std/assert";
import { equalBytes, toHex } from "../../../_shared/bytes.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { HashServer } from "../../../client/content/hash_server.ts";
import { merkleParents, merkleRoot, sha256 } from "../../../metainfo/merkle.ts";
import {
  BLOCK_SIZE,
  createMetainfo,
  type Metainfo,
  parseMetainfo,
} from "../../../metainfo/mod.ts";
import { hashProofLength } from "../../../peer/mod.ts";

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
          const { hashes } = server.answer(range);
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
      }).hashes,
      undefined,
    );
    assertEquals(
      server.answer({
        piecesRoot,
        baseLayer: 1,
        index: 0,
        length: 2,
        proofLayers: height + 5,
      }).hashes,
      undefined,
    );
  }
  assert(answered > 50);
});

/** A file of so many pieces of 16 KiB, of which only the piece layer is known. */
function bigFile(pieces: number, roots = 1) {
  const pieceLayers = new Map<string, Uint8Array>();
  const files = [];
  const random = seededRandom(9);
  for (let i = 0; i < roots; i++) {
    const layer = random(new Uint8Array(32 * pieces));
    const piecesRoot = merkleRoot(layer);
    pieceLayers.set(toHex(piecesRoot), layer);
    files.push({ piecesRoot, length: pieces * BLOCK_SIZE });
  }
  const server = new HashServer(
    { pieceLayers, files, pieceLength: BLOCK_SIZE } as unknown as Metainfo,
  );
  return { server, files };
}

Deno.test("HashServer proves runs of large files without whole trees", () => {
  const pieces = 5_000;
  const { server, files: [file] } = bigFile(pieces);
  const { piecesRoot } = file!;
  const height = Math.ceil(Math.log2(pieces));
  let total = 0;
  for (let baseLayer = 0; baseLayer < height; baseLayer++) {
    for (const length of [2, 64, 512]) {
      const count = 2 ** (height - baseLayer);
      if (length > count) continue;
      for (const at of [0, 0.3, 0.6, 0.99]) {
        const index = Math.floor(at * count / length) * length;
        const proofLayers = height - baseLayer - 1;
        const range = { piecesRoot, baseLayer, index, length, proofLayers };
        const { hashes, work } = server.answer(range);
        total += work;
        if (hashes === undefined) {
          // Refused: it spans too much of the tree.
          assert(length * 2 ** baseLayer > 8 * 512, `${baseLayer} ${length}`);
          // The top is kept whole.
          assert(baseLayer < 9, `${baseLayer}`);
          continue;
        }
        assertEquals(toHex(fold(hashes, range)), toHex(piecesRoot));
      }
    }
  }
  assert(total < 3 * pieces, `${total} hashes made`);
});

Deno.test("HashServer: asking for one file after the other costs little, and keeps little", () => {
  const { server, files } = bigFile(2_048, 40);
  const ask = () => {
    let work = 0;
    for (const { piecesRoot } of files) {
      const { hashes, work: more } = server.answer({
        piecesRoot,
        baseLayer: 0,
        index: 0,
        length: 2,
        proofLayers: 1,
      });
      assert(hashes !== undefined);
      work += more;
    }
    return work;
  };
  ask();
  assertEquals(ask(), 0);
  // Whole runs, as a downloader asks for them, need no subtree at all.
  const { server: fresh, files: [file] } = bigFile(100_000);
  const range = { piecesRoot: file!.piecesRoot, baseLayer: 0, length: 512 };
  let refused = 0;
  while (
    fresh.answer({ ...range, index: 0, proofLayers: 16 }).hashes === undefined
  ) refused++;
  assertEquals(refused, 1);
  for (let index = 0; index < 100_000; index += 512) {
    const { hashes, work } = fresh.answer({ ...range, index, proofLayers: 16 });
    assert(hashes !== undefined);
    assertEquals([work, fresh.cachedBytes], [0, 0]);
  }
});

Deno.test("HashServer keeps subtrees up to 4 MiB, the last used", () => {
  const { server, files } = bigFile(69_632, 2);
  const ask = (file: number, index: number) => {
    const { piecesRoot } = files[file]!;
    const range = { piecesRoot, baseLayer: 0, length: 2, proofLayers: 8 };
    return server.answer({ ...range, index });
  };
  for (const file of [0, 1]) ask(file, 0);
  for (const file of [0, 1]) {
    for (let index = 0; index < 69_632; index += 512) ask(file, index);
  }
  // A subtree over 512 pieces has 511 hashes.
  assertEquals(server.cachedBytes, 256 * 511 * 32);
  assertEquals(ask(1, 69_120).work, 0);
  assertEquals(ask(0, 0).work > 0, true);
  assertEquals(server.cachedBytes, 256 * 511 * 32);
});
Deno.test("HashServer tells nothing of a top that is not made yet", () => {
  const { server, files: [file] } = bigFile(100_000);
  const { piecesRoot } = file!;
  const range = { piecesRoot, baseLayer: 9, length: 2, index: 190 };
  const ask = () => server.answer({ ...range, proofLayers: 0 }).hashes;
  assertEquals(ask(), undefined);
  const hashes = ask()!;
  assertEquals(hashes.length, 64);
  assert(hashes.subarray(0, 32).some((byte) => byte !== 0));
});

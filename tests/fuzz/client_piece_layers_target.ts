/** Merkle hashes from peers: what is taken leads to the roots. */
import { equalBytes } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { HashServer } from "../../client/content/hash_server.ts";
import { PieceLayerMachine } from "../../client/metadata/piece_layer_machine.ts";
import {
  BLOCK_SIZE,
  createMetainfo,
  parseInfo,
  parseMetainfo,
} from "../../metainfo/mod.ts";
import type { HashRange } from "../../peer/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const random = seededRandom(3);
const whole = parseMetainfo(
  await createMetainfo({
    name: "x",
    inputs: [2, 5, 9].map((blocks) => ({
      path: [`f${blocks}`],
      bytes: random(new Uint8Array(blocks * BLOCK_SIZE - 7)),
    })),
    version: "v2",
    pieceLength: BLOCK_SIZE,
    creationDate: null,
  }),
);
const bare = parseInfo(whole.infoBytes);
const server = new HashServer(whole);

/** A script: four bytes say who does what. */
function play(script: Uint8Array): void {
  const machine = new PieceLayerMachine(bare);
  const asked: HashRange[] = [];
  let now = 0;
  const drain = () => {
    for (let n = 0; n < 10_000; n++) {
      const output = machine.poll();
      if (output === undefined) return;
      if (output.type === "request") asked.push(output.range);
      else if (output.type === "done") {
        for (const [root, layer] of whole.pieceLayers!) {
          if (!equalBytes(output.pieceLayers.get(root)!, layer)) {
            throw new Error("A wrong layer was taken");
          }
        }
      }
    }
    throw new Error("Outputs without end");
  };
  for (let at = 0; at + 4 <= script.length && at < 4000; at += 4) {
    const what = script[at]!;
    const peer = script[at + 1]! % 6;
    const which = script[at + 2]!;
    const value = script[at + 3]!;
    now += value * 50;
    if (machine.deadline !== undefined && machine.deadline <= now) {
      machine.handleTimeout(now);
      drain();
    }
    const range = asked[which % Math.max(1, asked.length)] ?? {
      piecesRoot: new Uint8Array(32).fill(which),
      baseLayer: value,
      index: which,
      length: 2,
      proofLayers: value >> 4,
    };
    switch (what % 6) {
      case 0:
        machine.handle({ type: "peer", peer }, now);
        break;
      case 1:
      case 2: {
        // The truth, or the truth but for one bit or length.
        const hashes = server.answer(range).hashes?.slice() ??
          new Uint8Array(64);
        if (what % 6 === 2) hashes[value % hashes.length]! ^= 1 << (which & 7);
        machine.handle({
          type: "hashes",
          peer,
          range,
          hashes: what >= 128 ? hashes.subarray(value % 40) : hashes,
        }, now);
        break;
      }
      case 3:
        machine.handle({
          type: "hashes",
          peer,
          range: { ...range, index: range.index + value, length: which },
          hashes: new Uint8Array(value * 32),
        }, now);
        break;
      case 4:
        machine.handle({ type: "reject", peer, range }, now);
        break;
      case 5:
        machine.handle({ type: "gone", peer }, now);
    }
    drain();
    if (machine.done) return;
  }
}

/** The target. */
export const fuzzTarget: FuzzTarget = {
  name: "client-piece-layers",
  seeds: () => [
    new Uint8Array([0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 2, 0]),
    new Uint8Array([
      ...[0, 1, 0, 0, 0, 2, 0, 0, 2, 1, 0, 5, 1, 2, 0, 0, 4, 2, 1, 255],
      ...[1, 2, 1, 255, 5, 2, 0, 0, 0, 3, 0, 255, 3, 3, 9, 9, 1, 3, 2, 0],
    ]),
  ],
  run: play,
};

/** Metadata from many peers: bounded, and never the wrong dictionary. */
import { equalBytes } from "../../_shared/bytes.ts";
import { MetadataMachine } from "../../client/metadata/metadata_machine.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { METADATA_PIECE_LENGTH } from "../../peer/ut_metadata.ts";

const info = new Uint8Array(METADATA_PIECE_LENGTH + 300).fill(3);
const MAX_SIZE = 4 * METADATA_PIECE_LENGTH;
const SIZES = [info.length, info.length, 300, MAX_SIZE, 0, MAX_SIZE + 1];

/** A script: five bytes say who does what. */
function play(script: Uint8Array): void {
  const machine = new MetadataMachine({
    verify: (bytes) => equalBytes(bytes, info),
    maxSize: MAX_SIZE,
  });
  const asked = new Map<number, number>();
  const dropped = new Set<number>();
  let now = 0;
  const drain = () => {
    for (let n = 0; n < 10_000; n++) {
      const output = machine.poll();
      if (output === undefined) return;
      if (output.type === "done") {
        if (!equalBytes(output.infoBytes, info)) throw new Error("Wrong bytes");
      } else if (output.type === "request") {
        if (dropped.has(output.peer)) throw new Error("Asked who was dropped");
        asked.set(output.peer, (asked.get(output.peer) ?? 0) + 1);
      } else dropped.add(output.peer);
    }
    throw new Error("Outputs without end");
  };
  for (let at = 0; at + 5 <= script.length && at < 5000; at += 5) {
    const [what, peer, piece, size, ms] = script.subarray(
      at,
      at + 5,
    ) as unknown as [number, number, number, number, number];
    const claimed = SIZES[size % SIZES.length]!;
    now += ms * 20;
    if (machine.deadline !== undefined && machine.deadline <= now) {
      machine.handleTimeout(now);
      drain();
    }
    switch (what % 6) {
      case 0:
        dropped.delete(peer % 8);
        machine.handle({ type: "peer", peer: peer % 8, size: claimed }, now);
        break;
      case 1:
      case 2: {
        // True bytes, or true but for one.
        const index = piece % 5;
        const data = info.slice(
          index * METADATA_PIECE_LENGTH,
          (index + 1) * METADATA_PIECE_LENGTH,
        );
        if (what % 6 === 2 && data.length > 0) data[0]! ^= 1;
        machine.handle({
          type: "data",
          peer: peer % 8,
          piece: index,
          totalSize: claimed,
          data,
        }, now);
        break;
      }
      case 3:
        machine.handle({
          type: "data",
          peer: peer % 8,
          piece,
          totalSize: claimed,
          data: new Uint8Array(size * 70),
        }, now);
        break;
      case 4:
        machine.handle({ type: "reject", peer: peer % 8, piece }, now);
        break;
      case 5:
        machine.handle({ type: "gone", peer: peer % 8 }, now);
    }
    drain();
    if (machine.heldBytes > 2 * MAX_SIZE + METADATA_PIECE_LENGTH) {
      throw new Error(`${machine.heldBytes} bytes are held`);
    }
    if (machine.done) return;
  }
}

/** The target. */
export const fuzzTarget: FuzzTarget = {
  name: "client-metadata",
  seeds: () => [
    new Uint8Array([0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1]),
    new Uint8Array([
      ...[0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 3, 0, 2, 1, 0, 0, 9],
      ...[1, 2, 1, 0, 9, 4, 1, 0, 0, 1, 5, 2, 0, 0, 1, 1, 1, 1, 0, 255],
    ]),
    new Uint8Array([0, 1, 0, 3, 0, 3, 1, 0, 234, 1, 3, 1, 1, 234, 1]),
  ],
  run: play,
};

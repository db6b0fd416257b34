import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import type { PeerKey, PiecePickerOptions } from "../../select/mod.ts";
import type { BlockAddress } from "../../_shared/bytes.ts";
import { PiecePicker } from "../../select/mod.ts";

export const BLOCK = 16384;

/** A scene, written as one character per piece. */
export interface Scene {
  /** Digits: so many helper peers (keys from 1000) have the piece. */
  readonly availability?: string;
  /** `*`: verified. */
  readonly have?: string;
  /** Digits: priorities. */
  readonly priority?: string;
  /** Blocks on disk as hexadecimal bits, lowest block first; `.` for none. */
  readonly partial?: string;
  /** How many pieces, when no string says so. */
  readonly pieces?: number;
  /** Blocks per piece. @default {4} */
  readonly blocks?: number;
  readonly options?: Partial<PiecePickerOptions>;
}

/** Sets a scene: `world({ availability: "2223333" })`. */
export function world(scene: Scene): PiecePicker {
  const { availability, have, priority, partial, blocks = 4 } = scene;
  const pieceCount = scene.pieces ??
    (availability ?? have ?? priority ?? partial ?? "").length;
  const picker = new PiecePicker({
    layout: { pieceCount, blockCount: () => blocks, blockSize: () => BLOCK },
    random: seededRandom(1),
    randomFirstPieces: 0,
    ...(have === undefined ? {} : { have: bits(have) }),
    ...scene.options,
  });
  const most = Math.max(0, ...[...availability ?? ""].map(Number));
  for (let i = 0; i < most; i++) {
    join(
      picker,
      1000 + i,
      [...availability!].map((n) => Number(n) > i ? "*" : " ")
        .join(""),
    );
  }
  [...priority ?? ""].forEach((digit, i) => {
    picker.pieces.setPriority(i, Number(digit));
  });
  [...partial ?? ""].forEach((digit, i) => {
    if (digit === ".") return;
    const mask = parseInt(digit, 16);
    const marked = [0, 1, 2, 3].filter((block) => (mask >> block & 1) === 1);
    picker.pieces.markBlocks(i, marked);
  });
  return picker;
}

/** A field from `"* **"`. */
export function bits(text: string): Bitfield {
  const field = new Bitfield(text.length);
  [...text].forEach((mark, i) => {
    if (mark === "*") field.set(i);
  });
  return field;
}

/** Adds a peer that does not choke us, with the pieces marked `*`. */
export function join(picker: PiecePicker, peer: PeerKey, pieces: string): void {
  picker.peers.add(peer);
  picker.peers.setBitfield(peer, bits(pieces));
  picker.peers.setChoked(peer, false);
}

/** Blocks as `"3.0 3.1 5.0"`. */
export function show(blocks: readonly BlockAddress[]): string {
  return blocks.map((b) => `${b.pieceIndex}.${b.blockOffset / BLOCK}`).join(
    " ",
  );
}

/** Pieces of a pick, each once, in order. */
export function pieces(blocks: readonly BlockAddress[]): number[] {
  return [...new Set(blocks.map((block) => block.pieceIndex))];
}

/** Lets a peer deliver what it was asked for. */
export function deliver(
  picker: PiecePicker,
  peer: PeerKey,
  blocks: readonly BlockAddress[],
  now = 0,
): void {
  for (const { pieceIndex, blockOffset } of blocks) {
    const result = picker.received(peer, pieceIndex, blockOffset, now);
    if (result.pieceComplete) picker.pieces.verified(pieceIndex);
  }
}

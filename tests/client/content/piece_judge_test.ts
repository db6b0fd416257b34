import { assertEquals } from "@std/assert";
import { concatBytes } from "../../../_shared/bytes.ts";
import {
  PieceJudge,
  type Suspect,
} from "../../../client/content/piece_judge.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { BLOCK, join, world } from "../../select/picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `PieceJudge ${name}`, permissions: "none", fn });

/** Two pieces of two blocks; the last block of the second is padding. */
function scene(keys: readonly number[], bad?: number) {
  const layout = new PieceLayout({
    pieceLength: 2 * BLOCK,
    files: [{ length: 3 * BLOCK }, { length: BLOCK, pad: true }],
  });
  const picker = world({ pieces: 2, blocks: 2 });
  const log: string[] = [];
  const sources = new Map<number, Suspect>();
  for (const key of keys) {
    join(picker, key, "**");
    sources.set(key, {
      key,
      ...(key === bad
        ? { bad: (piece: number) => void log.push(`bad ${key} ${piece}`) }
        : {}),
    });
  }
  const peers: typeof picker.peers = Object.create(picker.peers, {
    has: { value: (key: number) => picker.peers.has(key) },
    setParole: {
      value: (key: number, parole: boolean) => {
        log.push(`${parole ? "parole" : "absolve"} ${key}`);
        picker.peers.setParole(key, parole);
      },
    },
  });
  const torrent = { ban: (key: number) => void log.push(`ban ${key}`) };
  const judge = new PieceJudge(
    torrent,
    layout,
    { peers, pieces: picker.pieces },
    sources,
  );
  /** Blocks of a piece come from sources, -1 for the disk. */
  const give = (piece: number, from: readonly number[]) => {
    picker.pieces.markBlocks(
      piece,
      [...from.keys()].filter((block) => from[block] === -1),
    );
    from.forEach((key, block) => {
      if (key !== -1) picker.received(key, piece, block * BLOCK, 0);
    });
  };
  const told = () => log.splice(0);
  return { judge, picker, sources, give, told };
}

const digests = (...blocks: readonly number[]) =>
  concatBytes(blocks.map((fill) => new Uint8Array(20).fill(fill)));

test("bans who gave all of a bad piece, and suspects the others", () => {
  const { judge, give, told, picker } = scene([1, 2, 3]);
  give(0, [1, 1]);
  judge.bad(0, digests(1, 2));
  assertEquals(told(), ["ban 1", "parole 1", "parole 2", "parole 3"]);
  assertEquals(picker.pieces.state(0), "open");
  // What they give alone clears them.
  give(0, [2, 2]);
  judge.good(0, digests(7, 7));
  assertEquals(told(), ["absolve 2"]);
  assertEquals(picker.pieces.state(0), "have");
});

test("finds who of several it was, when the piece is good at last", () => {
  const { judge, give, told, sources, picker } = scene([1, 2]);
  give(0, [1, 2]);
  judge.bad(0, digests(1, 2));
  assertEquals(told(), ["parole 1", "parole 2"]);
  // The one that is gone is judged as well, but there is nobody to absolve.
  sources.delete(1);
  picker.peers.remove(1);
  give(0, [2, 2]);
  judge.good(0, digests(1, 9));
  assertEquals(told(), ["ban 2"]);
});

test("blames nobody without digests", () => {
  const { judge, give, told } = scene([1, 2]);
  give(0, [1, 1]);
  judge.bad(0, undefined);
  assertEquals(told(), []);
  give(0, [1, 2]);
  judge.bad(0, digests(1, 2));
  told();
  // The digests that would tell are not known.
  give(0, [1, 2]);
  judge.good(0, undefined);
  assertEquals(told(), []);
  give(1, [2, 2]);
  judge.good(1, undefined);
  assertEquals(told(), []);
});

test("tells a source that is not banned, also where the rest is padding", () => {
  for (
    const [from, expected] of [
      [[1, 1], 1],
      [[1, -1], 1],
      [[1, 2], 1],
      [[2, 1], 0],
      [[-1, 1], 0],
    ] as const
  ) {
    const { judge, give, told } = scene([1, 2], 1);
    give(1, from);
    judge.bad(1, digests(1, 2));
    const bad = told().filter((line) => line.startsWith("bad"));
    assertEquals(bad.length, expected, `${from}`);
  }
});

test("has newcomers prove themselves while bad data comes", () => {
  const { judge, give, told, picker } = scene([1, 2]);
  judge.suspect(2);
  assertEquals(told(), []);
  give(0, [1, 1]);
  judge.bad(0, digests(1, 2));
  told();
  join(picker, 3, "**");
  judge.suspect(3);
  judge.suspect(3);
  assertEquals(told(), ["parole 3"]);
  judge.forget(3);
  judge.suspect(3);
  assertEquals(told(), ["parole 3"]);
});

/** Whom a session serves by each choker that has a name. */
import { assert } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import type { AddTorrentOptions, SessionOptions } from "../../client/types.ts";
import { CHOKERS } from "../../select/named.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const PIECE = 65_536;
const PIECES = 240;
const SECONDS = 150;

/** A peer of the one whose choker is tried. */
interface Guest {
  /** Its pieces: from which one on, and up to which. */
  readonly has: readonly [number, number];
  /** Bytes a second that it can receive. */
  readonly download: number;
  /** Whether it serves nobody. */
  readonly isStingy?: boolean;
}

/** Shares of the time that peers have a slot, the first minute aside. */
async function shares(
  name: string,
  has: readonly [number, number],
  guests: readonly Guest[],
  uploadSlots = 2,
): Promise<number[]> {
  const torrent = await simTorrent([["a.bin", PIECES * PIECE]], {
    pieceLength: PIECE,
  });
  await using world = new SwarmWorld({ seed: 8 });
  const [[path, bytes]] = torrent.content as unknown as [[string, Uint8Array]];
  const join = async (
    [from, to]: readonly [number, number],
    options: SessionOptions,
    more: AddTorrentOptions = {},
  ) => {
    const made = await world.host({ pex: false, ...options });
    made.files.open([path], { write: true })
      .write(bytes.subarray(from * PIECE, to * PIECE), from * PIECE);
    made.add(torrent, more);
    return made;
  };
  const host = await join(has, {
    uploadSlots,
    uploadLimit: 200_000,
    downloadLimit: 20_000,
    choker: () => CHOKERS[name]!(seededRandom(1)),
  });
  const others = [];
  for (const { has, download, isStingy = false } of guests) {
    others.push(
      await join(has, {
        downloadLimit: download,
        uploadLimit: 20_000,
        ...isStingy
          ? {
            choker: () => ({
              name: "nobody",
              optimistic: new Set(),
              tick: () => new Set<number>(),
            }),
          }
          : {},
      }, { peers: [host.address] }),
    );
  }
  await world.clock.advance(60_000);
  const served = guests.map(() => 0);
  for (let i = 0; i < SECONDS; i++) {
    await world.clock.advance(1_000);
    others.forEach(({ torrent }, at) => {
      const [peer] = torrent.peers();
      if (peer !== undefined && !peer.peerChoking) served[at]! += 1 / SECONDS;
    });
  }
  return served;
}

/** One that is new, one half-way and fast, one nearly done. */
const GUESTS: readonly Guest[] = [
  { has: [0, 0], download: 20_000 },
  { has: [0, PIECES / 2], download: 35_000 },
  { has: [0, PIECES * 0.8], download: 12_000 },
];
const EVERYTHING = [0, PIECES] as const;
const options = { permissions: "none" } as const;

Deno.test(
  "anti-leech: newcomers and those nearly done come first",
  options,
  async () => {
    // One slot alone goes by merit.
    const [fresh, half, late] = await shares(
      "anti-leech",
      EVERYTHING,
      GUESTS,
      1,
    );
    assert(
      half! < 0.05 && fresh! + late! > 0.9,
      `${[fresh, half, late]}`,
    );
  },
);

Deno.test("fastest-upload: who takes most comes first", options, async () => {
  const [fresh, half, late] = await shares(
    "fastest-upload",
    EVERYTHING,
    GUESTS,
  );
  assert(half! > 0.95 && fresh! < 0.7 && late! < 0.7, `${[fresh, half, late]}`);
});

Deno.test("round-robin: all get turns alike", options, async () => {
  const all = await shares("round-robin", EVERYTHING, GUESTS);
  assert(all.every((share) => share > 0.4 && share < 0.9), `${all}`);
});

Deno.test("tit-for-tat: who gives comes first", options, async () => {
  const second = [PIECES / 2, PIECES] as const;
  const [giver, ...others] = await shares("tit-for-tat", [0, PIECES / 2], [
    { has: second, download: 20_000 },
    { has: second, download: 20_000, isStingy: true },
    { has: second, download: 20_000, isStingy: true },
  ]);
  assert(
    giver! > 0.95 && others.every((o) => o < 0.7),
    `${[giver, ...others]}`,
  );
});

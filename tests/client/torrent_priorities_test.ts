/** What a torrent asks for first by priorities, deadlines and named orders. */
import { assert, assertEquals } from "@std/assert";
import type { AddTorrentOptions } from "../../client/types.ts";
import type { Torrent } from "../../client/torrent.ts";
import { STRATEGIES } from "../../select/named.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";

const none = { permissions: "none" } as const;
const PIECE = 16_384;
const PIECES = 60;

/** Pieces in the order in which they were asked for, of two files alike. */
async function asked(
  options: AddTorrentOptions,
  then: (torrent: Torrent) => void = () => {},
  session: { strategy?: AddTorrentOptions["strategy"] } = {},
): Promise<number[]> {
  const torrent = await simTorrent([
    ["sim/a", PIECES / 2 * PIECE],
    ["sim/b", PIECES / 2 * PIECE],
  ], { pieceLength: PIECE });
  await using world = new SwarmWorld({ seed: 9 });
  const seed = await world.seeder(torrent, { uploadLimit: 60_000 });
  // It has the first quarter, which is one copy of that, and serves nobody.
  const part = await world.host({
    downloadLimit: 1_000,
    choker: () => ({
      name: "nobody",
      optimistic: new Set(),
      tick: () => new Set<number>(),
    }),
  });
  const [path, bytes] = [...torrent.content][0]!;
  part.files.open(path.split("/"), { write: true })
    .write(bytes.subarray(0, PIECES / 4 * PIECE), 0);
  part.add(torrent);
  const host = await world.host(session);
  const added = host.add(torrent, { ...options, peers: [part.address] });
  await world.clock.advance(2_000);
  then(added);
  added.addPeers([seed.address]);
  await world.run(added.completed);
  return [...host.wire.requestedPieces];
}

/** Where some pieces come in an order in the mean, 0 for first and 1 for last. */
function place(order: readonly number[], pieces: (i: number) => boolean) {
  const places = order.flatMap((piece, at) => pieces(piece) ? [at] : []);
  const mean = places.reduce((sum, at) => sum + at, 0) / places.length;
  return mean / order.length;
}
const isSecond = (i: number) => i >= PIECES / 2;

Deno.test(
  "filePriorities: the file with the higher one comes first",
  none,
  async () => {
    const late = await asked({ filePriorities: [7, 1] });
    const early = await asked({ filePriorities: [1, 7] });
    assert(place(late, isSecond) > 0.65 && place(early, isSecond) < 0.35);
  },
);

Deno.test(
  "piecePriorities: pieces with higher ones come first",
  none,
  async () => {
    const pieces = [41, 44, 47, 50, 53, 56];
    const isOne = (i: number) => pieces.includes(i);
    const usual = await asked({ filePriorities: [7, 1] });
    const first = await asked({ piecePriorities: pieces.map((i) => [i, 7]) });
    assert(place(usual, isOne) > 0.6 && place(first, isOne) < 0.2);
  },
);

Deno.test(
  "setDeadline: a piece that is due comes before all others",
  none,
  async () => {
    const options = { filePriorities: [7, 1] };
    const isOne = (i: number) => i === 55;
    const usual = await asked(options);
    const due = await asked(
      options,
      (torrent) => torrent.setDeadline(55, 2_000),
    );
    assert(place(usual, isOne) > 0.5 && place(due, isOne) < 0.25);
  },
);

Deno.test(
  "orders by name take effect, of a session and of a torrent",
  none,
  async () => {
    const inversions = (order: readonly number[]) =>
      order.filter((piece, at) => at > 0 && piece < order[at - 1]!).length;
    for (const where of ["session", "torrent"] as const) {
      const orders: Record<string, number[]> = {};
      for (const [name, make] of Object.entries(STRATEGIES)) {
        const strategy = make();
        orders[name] = where === "session"
          ? await asked({}, undefined, { strategy })
          : await asked({ strategy });
        assertEquals(orders[name].length, PIECES);
      }
      const { random, sequential, "rarest-first": rarest } = orders;
      assert(inversions(sequential!) < 8, `${sequential}`);
      assert(inversions(random!) > 15, `${random}`);
      assert(inversions(rarest!) > 15, `${rarest}`);
      // What another peer has, too, comes after what only the seed has.
      const isCommon = (i: number) => i < PIECES / 4;
      assert(place(rarest!, isCommon) > place(random!, isCommon), where);
      assert(place(rarest!, isCommon) > 0.6, `${rarest}`);
    }
  },
);

import { assertEquals } from "@std/assert";
import type { DaemonTorrent } from "../../../daemon/daemon_torrent.ts";
import { RecordKeeper } from "../../../daemon/run/record_keeper.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;
const torrent = (id: number) =>
  ({ id, record: { id } }) as unknown as DaemonTorrent;

function setUp() {
  const clock = new SimClock();
  const kept: [number, number, number][] = [];
  const errors: unknown[] = [];
  const disk = { error: undefined as unknown };
  let open = false;
  const keeper = new RecordKeeper({
    clock,
    placeOf: (id) => 10 * id,
    failed: (error) => errors.push(error),
    state: {
      together(run) {
        open = true;
        if (disk.error !== undefined) throw disk.error;
        const result = run();
        open = false;
        return result;
      },
      saveRecord(id, place) {
        if (!open) throw new Error("Not together");
        kept.push([clock.now(), id, place]);
      },
    },
  });
  return { clock, kept, errors, disk, keeper };
}

Deno.test(
  "RecordKeeper keeps changes a second later, all at once",
  pure,
  async () => {
    const { clock, kept, keeper } = setUp();
    keeper.note(torrent(9));
    await clock.advance(5_000);
    assertEquals(kept, []);
    const [one, two] = [torrent(1), torrent(2)];
    keeper.soon(one);
    await clock.advance(999);
    keeper.soon(two);
    keeper.soon(one);
    assertEquals(kept, []);
    await clock.advance(1);
    assertEquals(kept, [[6_000, 9, 90], [6_000, 1, 10], [6_000, 2, 20]]);
    await clock.advance(5_000);
    assertEquals([kept.length, clock.pending], [3, 0]);
  },
);

Deno.test(
  "RecordKeeper keeps at once when it is told to, and nothing twice",
  pure,
  async () => {
    const { clock, kept, keeper } = setUp();
    const gone = torrent(3);
    keeper.soon(torrent(1));
    keeper.soon(gone);
    keeper.forget(gone);
    keeper.keep();
    keeper.keep();
    await clock.advance(5_000);
    assertEquals(kept, [[0, 1, 10]]);
  },
);

Deno.test("RecordKeeper tries again what could not be kept", pure, async () => {
  const { clock, kept, errors, disk, keeper } = setUp();
  disk.error = new Error("The disk is full");
  keeper.soon(torrent(1));
  await clock.advance(1_000);
  assertEquals([kept.length, errors], [0, [disk.error]]);
  disk.error = undefined;
  keeper.soon(torrent(2));
  await clock.advance(1_000);
  assertEquals(kept.map(([, id]) => id), [1, 2]);
});

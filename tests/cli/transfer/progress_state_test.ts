import { assertEquals } from "@std/assert";
import {
  progressOf,
  progressOfAll,
  ratioText,
  type ShownTorrent,
} from "../../../cli/transfer/progress_state.ts";
import type { TorrentStats } from "../../../client/mod.ts";
import { IDLE } from "../../support/torrent_stats.ts";

const pure = { permissions: "none" } as const;
const SEEN = { checked: 3, failed: 0, isUnreachable: false };

function shown(stats: Partial<TorrentStats>, name?: string): ShownTorrent {
  return {
    infoHash: new Uint8Array(20).fill(0xab),
    metainfo: { pieceLength: 1024 } as ShownTorrent["metainfo"],
    name,
    trackers: () => [],
    stats: () => ({
      ...IDLE,
      wantedBytes: 10_240,
      doneBytes: 2_048,
      downloadedBytes: 2_048,
      downloadRate: 512,
      pieceCount: 10,
      piecesDone: 2,
      peers: 1,
      candidates: 4,
      ...stats,
    }),
  };
}

Deno.test("progressOf() a torrent in each state", pure, () => {
  const of = (stats: Partial<TorrentStats>, name?: string) =>
    progressOf(shown(stats, name), undefined, SEEN);
  assertEquals(of({}, "a\x1bb"), {
    label: "a\\x1bb",
    done: 2_048,
    total: 10_240,
    rate: 512,
    details: ["1 peer of 4", "2/10 pieces"],
  });
  assertEquals(
    of({ uploadRate: 2_048, downloadRate: 0, connecting: 2 }, "n")!.details,
    ["1 peer of 4", "trying 2 peers", "up 2.00 KiB/s", "2/10 pieces"],
  );
  assertEquals(of({ state: "checking" }, "n"), {
    label: "Checking n",
    done: 3_072,
    total: 10_240,
  });
  // The last piece may be shorter.
  assertEquals(of({ state: "checking", wantedBytes: 3_000 }, "n")!.done, 3_000);
  const metadata = of({ state: "metadata", peers: 0 })!;
  assertEquals(metadata.label, `Fetching metadata of ${"ab".repeat(20)}`);
  assertEquals([metadata.total, metadata.details![0]], [-1, "0 peers of 4"]);
  assertEquals(of({ state: "seeding", uploadedBytes: 5_120 }, "n"), {
    label: "Seeding n",
    done: 0,
    total: -1,
    rate: 0,
    details: ["up 0 B/s", "uploaded 5.00 KiB", "ratio 0.50", "1 peer of 4"],
  });
  assertEquals(of({ state: "paused" }, "n"), undefined);
});

Deno.test(
  "progressOfAll() adds up, and counts those that are not complete",
  pure,
  () => {
    const all = (...stats: Partial<TorrentStats>[]) => {
      const torrents = stats.map((one) => shown(one, "n"));
      const states = torrents.map((one) => progressOf(one, undefined, SEEN)!);
      return progressOfAll(states, torrents);
    };
    assertEquals(all({}, { state: "seeding", doneBytes: 10_240 }, {}), {
      label: "2 of 3 torrents",
      done: 14_336,
      total: 30_720,
      rate: 1_536,
      details: ["3 peers"],
    });
    const seeding = all({ state: "seeding", uploadRate: 1_024 }, {
      state: "seeding",
    });
    assertEquals(seeding.label, "Seeding 2 torrents");
    assertEquals(seeding.details, ["2 peers", "up 1.00 KiB/s"]);
  },
);

Deno.test("ratioText() has no ratio of nothing", pure, () => {
  assertEquals([ratioText(1, 3), ratioText(9, 0)], ["0.33", "–"]);
});

import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { BlockSource } from "../../../client/content/block_source.ts";
import { Download } from "../../../client/content/download.ts";
import type { TorrentContent } from "../../../client/content/torrent_content.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import type { BlockAddress } from "../../../metainfo/mod.ts";
import { sequential } from "../../../select/ranked.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const BLOCKS = 8;

/** A download of two pieces, with nothing behind it. */
function makeDownload() {
  const clock = new SimClock();
  const layout = new PieceLayout({
    pieceLength: BLOCKS * 16_384,
    files: [{ length: 2 * BLOCKS * 16_384 }],
  });
  const download = new Download({
    layout,
    strategy: sequential(),
    storage: {
      have: new Bitfield(2),
      state: "active",
      partialPieces: () => [],
      writeBlock: () => "stored",
    },
    torrent: {
      limits: { download: new RateLimiter({ clock }) },
      context: { clock, random: seededRandom(1) },
    },
  } as unknown as TorrentContent);
  return { clock, download };
}

/** A peer that notes what it is asked for, and what is taken back. */
function makePeer(key: number, downloadRate: number, peerHas: Bitfield) {
  const asked: number[] = [];
  const cancelled: number[] = [];
  const block = ({ pieceIndex, blockOffset }: BlockAddress) =>
    BLOCKS * pieceIndex + blockOffset / 16_384;
  const source = {
    key,
    window: { isStarting: false, size: () => BLOCKS, restart() {} },
    connection: {
      state: { peerChoking: false, snubbed: false },
      allowedFast: new Set(),
      peerHas,
      downloadRate,
      requestWindow: 100,
      setInterested() {},
      request(blocks: readonly BlockAddress[]) {
        asked.push(...blocks.map(block));
        return [];
      },
      cancel: (one: BlockAddress) => void cancelled.push(block(one)),
    },
    inPicker: false,
  } as unknown as BlockSource;
  return { source, asked, cancelled };
}

Deno.test(
  "an idle peer takes requests over from a stalled one, not from a slow one",
  none,
  async () => {
    const { clock, download } = makeDownload();
    download.start();
    const slow = makePeer(1, 1_000, Bitfield.full(2));
    download.addPeer(slow.source);
    assertEquals(slow.asked, [0, 1, 2, 3, 4, 5, 6, 7]);
    // The other piece is not asked for yet, so this is no end game.
    const first = new Bitfield(2);
    first.set(0);
    const fast = makePeer(2, 100_000, first);
    download.addPeer(fast.source);
    assertEquals(fast.asked, []);
    await clock.advance(14_999);
    download.tick();
    await clock.advance(1);
    assertEquals(fast.asked, []);
    download.tick();
    await clock.advance(0);
    assertEquals(fast.asked, [7, 6, 5, 4, 3, 2, 1, 0]);
    assertEquals(slow.cancelled, [7, 6, 5, 4, 3, 2, 1, 0]);
    // What a peer that leaves was asked for is asked of others.
    slow.asked.length = 0;
    download.removePeer(fast.source);
    await clock.advance(0);
    assertEquals(slow.asked.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
    slow.cancelled.length = 0;
    download.stop();
    assertEquals(slow.cancelled.length, BLOCKS);
  },
);

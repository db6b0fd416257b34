/** A download with nothing behind it, and peers that note what they are asked. */
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { BlockSource } from "../../../client/content/block_source.ts";
import { Download } from "../../../client/content/download.ts";
import type { TorrentContent } from "../../../client/content/torrent_content.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import type { BlockAddress } from "../../../metainfo/mod.ts";
import type { PeerSessionEvent } from "../../../peer/mod.ts";
import { sequential } from "../../../select/ranked.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

export const BLOCKS = 8;

/** What is on disk, and how fast blocks may come. */
export interface FakeDownload {
  /** Pieces of eight blocks, the last ones of padding. @default {2} */
  readonly pieces?: number;
  /** Blocks of padding at the end. @default {0} */
  readonly padding?: number;
  /** Verified pieces. */
  readonly have?: readonly number[];
  /** Stored blocks by piece. */
  readonly stored?: Readonly<Record<number, readonly number[]>>;
  readonly bytesPerSecond?: number;
}

/** A download, what it tells, and the blocks of which pieces it asked for. */
export function makeDownload(options: FakeDownload = {}): {
  readonly clock: SimClock;
  readonly download: Download;
  readonly disk: { result: string; state: string; pressure?: Promise<void> };
  readonly told: string[];
  readonly looked: number[];
} {
  const { pieces = 2, padding = 0, stored = {} } = options;
  const clock = new SimClock();
  const bytes = (pieces * BLOCKS - padding) * 16_384;
  const layout = new PieceLayout({
    pieceLength: BLOCKS * 16_384,
    files: padding === 0
      ? [{ length: bytes }]
      : [{ length: bytes }, { length: padding * 16_384, pad: true }],
  });
  const told: string[] = [];
  const looked: number[] = [];
  const disk: ReturnType<typeof makeDownload>["disk"] = {
    result: "stored",
    state: "active",
  };
  const have = new Bitfield(pieces);
  for (const i of options.have ?? []) have.set(i);
  const limit = options.bytesPerSecond;
  const download = new Download({
    layout,
    strategy: sequential(),
    storage: {
      have,
      get state() {
        return disk.state;
      },
      partialPieces: () => Object.keys(stored).map(Number),
      blocksOf(i: number) {
        looked.push(i);
        if (stored[i] === undefined) return undefined;
        const blocks = new Bitfield(BLOCKS);
        for (const n of stored[i]) blocks.set(n);
        return blocks;
      },
      writeBlock(i: number, _offset: number, _data: Uint8Array, due: boolean) {
        if (due) told.push(`due ${i}`);
        return disk.result;
      },
      get pressure() {
        return disk.pressure;
      },
    },
    pieceDone: (i: number) => void told.push(`done ${i}`),
    torrent: {
      publish: ({ type }: { type: string }) => void told.push(type),
      fail: (error: Error) => void told.push(error.message),
      ban: (key: number) => void told.push(`ban ${key}`),
      limits: { download: new RateLimiter({ clock, bytesPerSecond: limit }) },
      context: { clock, random: seededRandom(1) },
    },
  } as unknown as TorrentContent);
  return { clock, download, disk, told, looked };
}

/** A block of a piece, as it comes from a peer. */
export const block = (pieceIndex: number, n: number): PeerSessionEvent => ({
  type: "block",
  pieceIndex,
  blockOffset: n * 16_384,
  data: new Uint8Array(16_384),
  late: false,
});

/** A peer that notes what it is asked for, and what is taken back. */
interface FakePeer {
  readonly source: BlockSource;
  readonly state: { peerChoking: boolean; snubbed: boolean };
  readonly asked: number[];
  readonly cancelled: number[];
  readonly wishes: boolean[];
  /** Queues that it was to have, at each look at its window. */
  readonly looks: (number | undefined)[];
}

/** Makes a peer. */
export function makePeer(
  key: number,
  downloadRate: number,
  peerHas: Bitfield,
  more: {
    readonly size?: number;
    readonly takesRuns?: boolean;
    readonly requestWindow?: number;
    readonly choking?: boolean;
    readonly allowed?: readonly number[];
  } = {},
): FakePeer {
  const { size = BLOCKS, takesRuns = false, requestWindow = 100 } = more;
  const asked: number[] = [];
  const cancelled: number[] = [];
  const wishes: boolean[] = [];
  const looks: (number | undefined)[] = [];
  const state = { peerChoking: more.choking ?? false, snubbed: false };
  const numberOf = ({ pieceIndex, blockOffset }: BlockAddress) =>
    BLOCKS * pieceIndex + blockOffset / 16_384;
  const source = {
    key,
    takesRuns,
    window: {
      isStarting: false,
      size(_rate: number, _snubbed: boolean, queueMs?: number) {
        looks.push(queueMs);
        return size;
      },
      restart() {},
    },
    connection: {
      state,
      allowedFast: new Set(more.allowed),
      peerHas,
      downloadRate,
      requestWindow,
      setInterested: (wanted: boolean) => void wishes.push(wanted),
      request(blocks: readonly BlockAddress[]) {
        // Some sources would ask for more at once, without end.
        if (blocks.length === 0) throw new Error("It is asked for nothing");
        asked.push(...blocks.map(numberOf));
        return [];
      },
      cancel: (one: BlockAddress) => void cancelled.push(numberOf(one)),
    },
    inPicker: false,
  } as unknown as BlockSource;
  return { source, asked, cancelled, wishes, looks, state };
}

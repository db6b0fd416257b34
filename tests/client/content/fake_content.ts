/** A torrent's content on a disk that does what it is told. */
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { TorrentContent } from "../../../client/content/torrent_content.ts";
import type { TorrentHost } from "../../../client/content/torrent_host.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { UploadSlots } from "../../../client/limits/upload_slots.ts";
import type {
  AddTorrentOptions,
  SessionOptions,
} from "../../../client/types.ts";
import type {
  DiskAddOptions,
  TorrentStorageEvent,
} from "../../../disk/storage.ts";
import {
  createMetainfo,
  type Metainfo,
  parseMetainfo,
} from "../../../metainfo/mod.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

/** Three files, in pieces of two blocks: 0 and 1, 2, 3 and the start of 4. */
export async function makeMetainfo(
  version: "v1" | "v2" | "hybrid" = "v1",
  sizes: Readonly<Record<string, number>> = { a: 65_536, b: 32_768, c: 40_000 },
): Promise<Metainfo> {
  return parseMetainfo(
    await createMetainfo({
      inputs: Object.entries(sizes).map(([name, length]) => ({
        path: [name],
        bytes: new Uint8Array(length),
      })),
      name: "abc",
      pieceLength: 32_768,
      version,
    }),
  );
}

/** What is on the disk, and how the torrent was added. */
export interface FakeDisk {
  readonly metainfo?: Metainfo;
  readonly options?: AddTorrentOptions;
  readonly session?: SessionOptions;
  /** Verified pieces. */
  readonly have?: readonly number[];
  /** Files that are left out. */
  readonly leftOut?: readonly number[];
  /** What the check tells. */
  readonly early?: readonly TorrentStorageEvent[];
}

interface FakeContent {
  readonly content: TorrentContent;
  readonly clock: SimClock;
  /** What the disk was opened with. */
  readonly added: DiskAddOptions;
  /** What was told and done since the last look. */
  log(): unknown[][];
  /** Tells of the disk; with a good piece it is there. */
  tell(event: TorrentStorageEvent): void;
  /** Has a piece gone. */
  lose(pieceIndex: number): void;
  /** Has the disk fail when a file is chosen. */
  failing: boolean;
}

/** Opens the content of a torrent. */
export async function openContent(disk: FakeDisk = {}): Promise<FakeContent> {
  const metainfo = disk.metainfo ?? await makeMetainfo();
  const { options = {}, session = {} } = disk;
  const clock = new SimClock();
  const have = new Bitfield(metainfo.layout.pieceCount);
  for (const i of disk.have ?? []) have.set(i);
  const leftOut = new Set(disk.leftOut);
  const lines: unknown[][] = [];
  const note = (...line: unknown[]) => void lines.push(line);
  let added: DiskAddOptions = {};
  const storage = {
    have,
    state: "ready",
    partialPieces: () => [],
    blocksOf: () => undefined,
    writeBlock: () => "stored",
    isFileWanted: (i: number) => !leftOut.has(i),
    setFileWanted(i: number, wanted: boolean) {
      note(wanted ? "make" : "leave out", i);
      if (made.failing) return Promise.reject(new Error("It is full"));
      if (wanted) leftOut.delete(i);
      else leftOut.add(i);
      return Promise.resolve();
    },
    confirm: () => (note("confirm"), Promise.resolve()),
    remove: (how: unknown) => (note("remove", how), Promise.resolve()),
    close: () => (note("close"), Promise.resolve()),
  };
  const host = {
    metainfo,
    options,
    peers: new Map(),
    isComplete: false,
    limits: {
      download: new RateLimiter({ clock }),
      upload: new RateLimiter({ clock }),
    },
    context: {
      clock,
      timers: clock,
      privacy: {},
      random: seededRandom(1),
      options: { webSeeds: false, ...session },
      uploadSlots: new UploadSlots({ limit: () => Infinity }),
      disk: () => ({
        findPaths: () =>
          Promise.resolve(metainfo.files.map(({ path }) => ["abc", ...path])),
        add(_: unknown, chosen: DiskAddOptions) {
          added = chosen;
          for (const event of disk.early ?? []) chosen.onEvent!(event);
          return Promise.resolve(storage);
        },
      }),
    },
    publish: ({ type, ...rest }: { type: string }) => note(type, rest),
    updateProgress: () => note("progress"),
    fail: (error: Error) => note("fail", error.message),
    ban: (key: number) => note("ban", key),
  } as unknown as TorrentHost;
  const { signal } = new AbortController();
  const content = await TorrentContent.open(host, metainfo, { signal });
  content.webSeeds.follow = (isWanted) => note("web seeds", isWanted);
  const made: FakeContent = {
    content,
    clock,
    added,
    log: () => lines.splice(0),
    tell(event) {
      if (event.type === "piece-good") have.set(event.pieceIndex);
      added.onEvent!(event);
    },
    lose: (pieceIndex) => void have.clear(pieceIndex),
    failing: false,
  };
  return made;
}

/** A torrent of a daemon that is as a test says. */
import type {
  PeerInfo,
  PiecesInfo,
  TorrentStats,
  TrackerStatus,
} from "../../../client/mod.ts";
import type { DaemonTorrent } from "../../../daemon/daemon_torrent.ts";
import { TorrentMemory } from "../../../daemon/rpc/torrent_memory.ts";
import { TorrentView } from "../../../daemon/rpc/torrent_view.ts";
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../../daemon/settings.ts";
import { newRecord, type TorrentRecord } from "../../../daemon/state/record.ts";
import { IDLE } from "../../support/torrent_stats.ts";
import type { DaemonTorrentStatus } from "../../../daemon/types.ts";
import { createMetainfo, parseMetainfo } from "../../../metainfo/mod.ts";

/** Three files, 100,000 bytes in 7 pieces, two web seeds. */
export const METAINFO = parseMetainfo(
  await createMetainfo({
    name: "top",
    inputs: [
      { path: ["a.txt"], bytes: new Uint8Array(20_000) },
      { path: ["b.mkv"], bytes: new Uint8Array(70_000) },
      { path: ["c"], bytes: new Uint8Array(10_000) },
    ],
    pieceLength: 16_384,
    version: "v1",
    trackers: [["http://one.test/", "http://two.test/"]],
    webSeeds: ["http://w.test/x", "http://v.test/y"],
  }),
);

/** What a test may say of it. */
export interface FakeTorrent {
  readonly status?: DaemonTorrentStatus;
  readonly checkProgress?: number;
  readonly idleMs?: number;
  readonly error?: string;
  readonly record?: Partial<TorrentRecord>;
  readonly stats?: Partial<TorrentStats>;
  readonly settings?: Partial<DaemonSettings>;
  readonly peers?: readonly Partial<PeerInfo>[];
  readonly trackers?: readonly Partial<TrackerStatus>[];
  readonly pieces?: Partial<PiecesInfo>;
  readonly webSeeds?: readonly Record<string, unknown>[];
}

const PEER: PeerInfo = {
  address: { hostname: "192.0.2.1", port: 1 },
  id: "00".repeat(20),
  listening: undefined,
  client: "",
  direction: "outbound",
  source: "tracker",
  transport: "tcp",
  encryption: "none",
  connectedMs: 0,
  progress: 0,
  isSeed: false,
  uploadOnly: false,
  amChoking: true,
  amInterested: false,
  peerChoking: true,
  peerInterested: false,
  snubbed: false,
  downloadRate: 0,
  uploadRate: 0,
  downloadedBytes: 0,
  uploadedBytes: 0,
};

const TRACKER: TrackerStatus = {
  url: "http://t.test/announce",
  name: "http://t.test",
  tier: 0,
  state: "idle",
  message: undefined,
  failures: 0,
  failure: undefined,
  nextAt: undefined,
  lastAt: undefined,
  askedAt: undefined,
  seeders: undefined,
  leechers: undefined,
  downloads: undefined,
  peers: undefined,
};

/** The moment of every view: 1,000,000 seconds after 1970, 500 s of the clock. */
export const NOW = 1_000_000_000;

/** Makes a view. */
export function fakeView(fake: FakeTorrent): TorrentView {
  const stats = {
    ...IDLE,
    wantedBytes: 100_000,
    pieceCount: 7,
    ...fake.stats,
  };
  const pieces = {
    count: 7,
    length: 16_384,
    have: new Uint8Array(7),
    priorities: new Uint8Array(7).fill(4),
    availability: new Uint16Array(7),
    distributedCopies: 0,
    ...fake.pieces,
  };
  const client = {
    metainfo: METAINFO,
    isPrivate: false,
    maxPeers: 100,
    infoHash: METAINFO.infoHash,
    peers: () => (fake.peers ?? []).map((peer) => ({ ...PEER, ...peer })),
    trackers: () =>
      (fake.trackers ?? []).map((one) => ({ ...TRACKER, ...one })),
    pieces: () => pieces,
    webSeeds: () => fake.webSeeds ?? [],
    files: METAINFO.files.map(({ length }, index) => ({
      index,
      length,
      doneBytes: length / 2,
      priority: 4,
      path: ["top", `${index}`],
      isPad: false,
    })),
  };
  const torrent = {
    id: 1,
    infoHash: "",
    name: "top",
    dir: "/dl",
    queuePosition: 0,
    status: fake.status ?? "downloading",
    checkProgress: fake.checkProgress,
    idleMs: fake.idleMs,
    error: fake.error,
    record: { ...newRecord("/dl", 0), ...fake.record },
    stats: () => stats,
    torrent: client,
  } as unknown as DaemonTorrent;
  return new TorrentView(torrent, {
    now: NOW,
    clock: 500_000,
    settings: { ...DEFAULT_SETTINGS, ...fake.settings },
    memory: new TorrentMemory(),
  });
}

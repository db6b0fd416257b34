/**
 * Figures of a daemon for Prometheus. However many torrents, peers and trackers
 * there are, the number of samples is bounded. And how late timers are: what keeps
 * the one thread busy.
 *
 * @module
 */
import {
  figureFamilies,
  type FigureText,
  Histogram,
  type HistogramCounts,
  type MetricFamily,
  type MetricSample,
} from "../../_shared/metrics.ts";
import type { SessionStats } from "../../client/session_view.ts";
import { dhtMetrics } from "../../dht/metrics.ts";
import type { DaemonStats } from "../types.ts";
import type { Clock } from "../../_shared/clock.ts";

/** Between two timers, in milliseconds. */
const TICK_MS = 1000;

/** Measures how late its timer is, until it is disposed of. */
export class EventLoopLag implements Disposable {
  /** Seconds. */
  readonly times: Histogram = new Histogram();
  readonly #clock: Clock;
  #cancel: () => void;

  /** Starts to measure. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#next();
  }

  #next(): () => void {
    const due = this.#clock.now() + TICK_MS;
    return this.#clock.schedule(due, () => {
      this.times.observe(Math.max(0, this.#clock.now() - due) / 1000);
      this.#cancel = this.#next();
    });
  }

  /** Ends it. Idempotent. */
  [Symbol.dispose](): void {
    this.#cancel();
  }
}

/** Labels, and clients, that have samples of their own; the rest is together. */
const MAX_NAMES = 50;
/** Where the rest is counted. */
const REST = "other";

/** A peer, as far as it is counted. */
export interface CountedPeer {
  /** Name and version of its client. */
  readonly client: string;
  /** Name of the transport. */
  readonly transport: string;
}

/** A torrent, as far as it is counted. */
export interface CountedTorrent {
  /** What it is doing. */
  readonly status: string;
  /** Its labels. */
  readonly labels: readonly string[];
  /** Payload of all runs, in bytes. */
  readonly downloadedBytes: number;
  /** Payload of all runs, in bytes. */
  readonly uploadedBytes: number;
  /** Connected peers. */
  readonly peers: readonly CountedPeer[];
  /** What its trackers are doing. */
  readonly trackers: readonly string[];
}

/** What the figures are made of. */
export interface DaemonFigures {
  /** Figures of the daemon. */
  readonly daemon: DaemonStats;
  /** Figures of its session. */
  readonly session: SessionStats;
  /** What the DHT counts, if there is one. */
  readonly dht: object | undefined;
  /** All torrents. */
  readonly torrents: Iterable<CountedTorrent>;
  /** How late timers were. */
  readonly lag: HistogramCounts;
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** Objects and buffers, in bytes. */
  readonly heapBytes: number;
}

/** Sums by name. */
class Sums {
  readonly #sums = new Map<string, number>();

  add(name: string, value = 1): void {
    this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
  }

  /** The largest, and all others together. */
  samples(label: string): MetricSample[] {
    // Who calls himself like the rest is of the rest: no name comes twice.
    const rank = ([name, value]: [string, number]) =>
      name === REST ? -1 : value;
    const sorted = [...this.#sums].sort((a, b) => rank(b) - rank(a));
    const shown = sorted.slice(0, MAX_NAMES);
    const rest = sorted.slice(MAX_NAMES)
      .reduce((sum, [, value]) => sum + value, 0);
    return [
      ...shown.map(([name, value]) => ({ labels: { [label]: name }, value })),
      ...sorted.length > MAX_NAMES
        ? [{ labels: { [label]: REST }, value: rest }]
        : [],
    ];
  }
}

/** The client without its version, which there are too many of. */
function clientName(client: string): string {
  return client.replace(/[\s/]+v?\d.*$/, "").slice(0, 40) || "unknown";
}

function labelled(
  label: string,
  counts: Readonly<Record<string, number>>,
): MetricSample[] {
  return Object.entries(counts)
    .map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** The plain ones, by what {@linkcode daemonMetrics} calls them. */
const PLAIN: Readonly<Record<string, FigureText>> = {
  uptime: ["uptime_seconds", "gauge", "Time since the daemon started."],
  memory: ["memory_bytes", "gauge", "Resident memory."],
  heap: ["heap_bytes", "gauge", "JavaScript heap and external buffers."],
  down: ["downloaded_bytes_total", "counter", "Payload received in all runs."],
  up: ["uploaded_bytes_total", "counter", "Payload sent in all runs."],
  downRate: ["download_rate_bytes", "gauge", "Payload received per second."],
  upRate: ["upload_rate_bytes", "gauge", "Payload sent per second."],
  peers: ["peers", "gauge", "Connected peers."],
  buffered: ["buffered_bytes", "gauge", "Payload not yet written to disk."],
  halfOpen: ["half_open", "gauge", "Handshakes in progress."],
  queued: ["dials_queued", "gauge", "Peers waiting to be dialled."],
};

/**
 * Makes the families of a daemon, their names beginning with `bip`.
 *
 * @param figures The figures of the moment.
 * @returns The families.
 */
export function daemonMetrics(figures: DaemonFigures): MetricFamily[] {
  const { daemon, session, dht, lag, memoryBytes, heapBytes } = figures;
  const { handshakes, disk } = session;
  const states = new Sums();
  const labels = new Sums();
  const down = new Sums();
  const up = new Sums();
  const clients = new Sums();
  const transports = new Sums();
  const trackers = new Sums();
  for (const torrent of figures.torrents) {
    states.add(torrent.status);
    for (const label of torrent.labels.length > 0 ? torrent.labels : [""]) {
      labels.add(label);
      down.add(label, torrent.downloadedBytes);
      up.add(label, torrent.uploadedBytes);
    }
    for (const { client, transport } of torrent.peers) {
      clients.add(clientName(client));
      transports.add(transport);
    }
    for (const state of torrent.trackers) trackers.add(state);
  }
  const family = (
    name: string,
    help: string,
    samples: readonly MetricSample[],
  ): MetricFamily => ({ name: `bip_${name}`, type: "gauge", help, samples });
  return [
    ...figureFamilies(
      {
        uptime: daemon.current.activeMs / 1000,
        memory: memoryBytes,
        heap: heapBytes,
        down: daemon.total.downloadedBytes,
        up: daemon.total.uploadedBytes,
        downRate: daemon.downloadRate,
        upRate: daemon.uploadRate,
        peers: session.peers,
        buffered: session.bufferedBytes,
        halfOpen: handshakes.halfOpen,
        queued: handshakes.queued,
      },
      PLAIN,
      "bip",
    ),
    {
      name: "bip_handshakes_total",
      type: "counter",
      help: "Successful handshakes by direction.",
      samples: labelled("direction", handshakes.connected),
    },
    {
      name: "bip_handshakes_failed_total",
      type: "counter",
      help: "Failed handshakes by reason.",
      samples: labelled("reason", handshakes.failed),
    },
    family("torrents", "Torrents by state.", states.samples("state")),
    family(
      "label_torrents",
      "Torrents by label; those with several count for each.",
      labels.samples("label"),
    ),
    family(
      "label_downloaded_bytes",
      "Payload received by current torrents, by label.",
      down.samples("label"),
    ),
    family(
      "label_uploaded_bytes",
      "Payload sent by current torrents, by label.",
      up.samples("label"),
    ),
    family(
      "client_peers",
      "Connected peers by client.",
      clients.samples("client"),
    ),
    family(
      "transport_peers",
      "Connected peers by transport.",
      transports.samples("transport"),
    ),
    family(
      "trackers",
      "Trackers of all torrents by state.",
      trackers.samples("state"),
    ),
    {
      name: "bip_disk_seconds",
      type: "histogram",
      help: "Duration of reads, writes and piece hashes.",
      samples: (["read", "write", "verify"] as const).map((work) => ({
        labels: { work },
        value: disk[work],
      })),
    },
    {
      name: "bip_event_loop_lag_seconds",
      type: "histogram",
      help: "How late timers fired.",
      samples: [{ value: lag }],
    },
    ...dht === undefined ? [] : dhtMetrics(dht),
  ];
}

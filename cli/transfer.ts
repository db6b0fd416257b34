/**
 * What `bip download` and `bip seed` share: network options, JSON events,
 * progress.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  ipScope,
  tryParseEndpoint,
  tryParseIp,
} from "../_shared/address.ts";
import { toHex } from "../_shared/bytes.ts";
import { Session } from "../client/session.ts";
import type { Torrent } from "../client/torrent.ts";
import type { SessionOptions, TorrentEvent } from "../client/types.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CommandError, describeError, UsageError } from "./error.ts";
import { EXIT_INTERRUPTED, EXIT_IO } from "./exit_code.ts";
import { Progress } from "./progress.ts";
import type { Output } from "./terminal.ts";
import { safeText } from "./text.ts";
import { formatRate, parseInteger, parseRate } from "./units.ts";

/** Where peers expect a client to listen. */
const DEFAULT_PORT = 6881;
/** Between two progress events, in milliseconds. */
const PROGRESS_MS = 250;
/** Between two progress lines of `--json`, in milliseconds. */
const JSON_PROGRESS_MS = 500;

/** Options of every verb that exchanges data with peers. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    name: "peer",
    value: "HOST:PORT",
    repeat: true,
    summary: "A peer to try first; repeatable",
  },
  {
    name: "listen",
    value: "ADDR",
    summary: "IP address to listen on (all of them)",
  },
  {
    name: "port",
    value: "N",
    summary: "Port to listen on; 0 picks one (6881 if it is free)",
  },
  {
    name: "dht-node",
    value: "HOST:PORT",
    repeat: true,
    summary: "Node of the DHT to begin with, not the public ones; repeatable",
  },
  { name: "no-trackers", summary: "Ask no tracker" },
  { name: "no-dht", summary: "Do not use the DHT" },
  { name: "no-lpd", summary: "Do not look for peers in the local network" },
  { name: "no-pex", summary: "Do not exchange peers with peers" },
  {
    name: "down-limit",
    value: "RATE",
    summary: "Download at most so much a second, such as 2M",
  },
  {
    name: "up-limit",
    value: "RATE",
    summary: "Upload at most so much a second, such as 500K",
  },
  { name: "json", summary: "Print one JSON object a line" },
  { name: "quiet", short: "q", summary: "Show no progress" },
];

/**
 * Reads an option that takes addresses.
 *
 * @param args What the person typed.
 * @param name The option's name.
 * @returns The addresses.
 * @throws {UsageError} If one is none.
 */
export function endpointsOf(args: Arguments, name: string): Endpoint[] {
  return args.all(name).map((text) => {
    const endpoint = tryParseEndpoint(text);
    if (endpoint === undefined || endpoint.port === 0) {
      throw new UsageError(
        `--${name} must be HOST:PORT, not ${JSON.stringify(text)}`,
      );
    }
    return endpoint;
  });
}

/** How to open a session: what the person typed, checked. */
export interface NetworkPlan {
  /** Options but for the address. */
  readonly options: SessionOptions;
  /** Peers to try first. */
  readonly peers: readonly Endpoint[];
  /** Whether peers can be found without being named. */
  readonly discovers: boolean;
  /** Addresses to listen on, best first. */
  readonly hosts: readonly string[];
  /** Ports to listen on, best first. */
  readonly ports: readonly number[];
}

/**
 * Checks the network options before anything is done.
 *
 * @param args What the person typed.
 * @returns How to open the session.
 * @throws {UsageError} If an option makes no sense.
 */
export function planNetwork(args: Arguments): NetworkPlan {
  const address = args.get("listen");
  const portText = args.get("port");
  const port = portText === undefined
    ? undefined
    : parseInteger(portText, "--port", 0, 65535);
  const ip = address === undefined ? undefined : tryParseIp(address);
  if (address !== undefined && ip === undefined) {
    throw new UsageError(
      `--listen must be an IP address, not ${JSON.stringify(address)}`,
    );
  }
  // Whoever listens on this machine only wants nobody else.
  const isLocal = ip !== undefined && ipScope(ip) === "loopback";
  const nodes = endpointsOf(args, "dht-node");
  const dht: SessionOptions["dht"] = args.has("no-dht")
    ? false
    : nodes.length > 0
    ? { bootstrap: nodes }
    : isLocal
    ? false
    : {};
  const lpd: SessionOptions["lpd"] = args.has("no-lpd") || isLocal ? false : {};
  const options: SessionOptions = {
    dht,
    lpd,
    trackers: !args.has("no-trackers"),
    pex: !args.has("no-pex"),
    downloadLimit: parseRate(args.get("down-limit") ?? "0", "--down-limit"),
    uploadLimit: parseRate(args.get("up-limit") ?? "0", "--up-limit"),
  };
  return {
    options,
    peers: endpointsOf(args, "peer"),
    discovers: dht !== false || lpd !== false,
    hosts: address === undefined ? ["::", "0.0.0.0"] : [address],
    ports: port === undefined ? [DEFAULT_PORT, 0] : [port],
  };
}

/**
 * Leaves out what a private torrent must not be told to (BEP 27): alone, it
 * needs neither a DHT node nor local discovery.
 *
 * @param plan How to open the session.
 * @param isPrivate Whether the only torrent is private.
 * @returns The plan to follow.
 */
export function planFor(plan: NetworkPlan, isPrivate: boolean): NetworkPlan {
  if (!isPrivate) return plan;
  const options: SessionOptions = { ...plan.options, dht: false, lpd: false };
  return { ...plan, options, discovers: false };
}

/**
 * Opens a session: the first address and port that can be bound.
 *
 * @param plan How.
 * @returns The session, listening.
 */
export async function openSession(plan: NetworkPlan): Promise<Session> {
  const { options, hosts, ports } = plan;
  let failure: unknown;
  for (const number of ports) {
    for (const hostname of hosts) {
      try {
        return await Session.open({
          ...options,
          listen: { hostname, port: number },
        });
      } catch (error) {
        // A refused permission will not be granted for another address.
        if (error instanceof Deno.errors.NotCapable) throw error;
        failure ??= error;
      }
    }
  }
  const where = hosts.length === 1
    ? formatEndpoint({ hostname: hosts[0]!, port: ports[0]! })
    : `port ${ports[0]}`;
  throw new CommandError(
    EXIT_IO,
    "listen",
    `Cannot listen on ${where}: ${
      failure instanceof Error ? failure.message : failure
    }`,
    { cause: failure },
  );
}

/** Options of {@linkcode Reporter}. */
export interface ReporterOptions {
  readonly torrent: Torrent;
  readonly session: Session;
  readonly output: Output;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Turns what a torrent tells into JSON lines or a progress display. */
export class Reporter implements AsyncDisposable {
  readonly #options: ReporterOptions;
  readonly #progress: Progress;
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #events: Promise<void>;
  #checked = 0;
  #jsonAt = -Infinity;

  /**
   * Starts reporting.
   *
   * @param options See {@linkcode ReporterOptions}.
   */
  constructor(options: ReporterOptions) {
    this.#options = options;
    const { torrent, session, output, json, quiet } = options;
    this.#progress = new Progress(output, {
      label: "Starting",
      quiet: quiet || json,
    });
    this.#emit({
      type: "listening",
      address: session.local?.hostname,
      port: session.local?.port,
    });
    this.#state();
    this.#events = this.#follow(torrent.events());
    this.#timer = setInterval(() => this.#show(), PROGRESS_MS);
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Reports completion. */
  complete(): void {
    const { torrent } = this.#options;
    const stats = torrent.stats();
    this.#progressEvent();
    this.#emit({
      type: "complete",
      infoHash: toHex(torrent.infoHash),
      name: torrent.name ?? null,
      bytes: stats.doneBytes,
      seconds: Number(this.seconds.toFixed(3)),
      downloaded: stats.downloadedBytes,
      uploaded: stats.uploadedBytes,
    });
  }

  /** Reports what ends the command. */
  failed(error: unknown): void {
    const { code, message } = describeError(error);
    this.#emit({ type: "error", code, message });
  }

  /** Ends the display. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#progress.stop();
    void this.#events;
  }

  #emit(event: { readonly type: string } & Record<string, unknown>): void {
    if (this.#options.json) this.#options.output.printJson(event);
  }

  #state(): void {
    this.#emit({ type: "state", state: this.#options.torrent.state });
  }

  async #follow(events: AsyncIterable<TorrentEvent>): Promise<void> {
    for await (const event of events) {
      switch (event.type) {
        case "state":
          this.#emit({ type: "state", state: event.state });
          this.#progressEvent();
          break;
        case "checking":
          this.#checked = event.checked;
          break;
        case "piece":
          this.#emit({
            type: "piece",
            index: event.pieceIndex,
            good: event.good,
          });
          break;
        case "peer":
          this.#emit({
            type: "peer",
            address: formatEndpoint(event.address),
            state: event.state,
            direction: event.direction,
            client: event.client ?? null,
            reason: event.reason ?? null,
          });
          if (event.state === "banned") {
            this.#progress.note(
              `Banned ${formatEndpoint(event.address)}: ${
                safeText(event.reason ?? "")
              }`,
            );
          }
          break;
        case "tracker":
          this.#emit({
            type: "tracker",
            tracker: event.tracker,
            ok: event.ok,
            peers: event.peers ?? null,
            error: event.error ?? null,
          });
          if (!event.ok) {
            this.#progress.note(
              `Tracker ${safeText(event.tracker)}: ${
                safeText(event.error ?? "")
              }`,
            );
          }
          break;
        case "metadata":
          this.#emit({
            type: "metadata",
            name: event.metainfo.name,
            bytes: event.metainfo.totalLength,
            pieces: event.metainfo.pieceCount,
          });
          break;
      }
    }
  }

  #progressEvent(): void {
    const { torrent } = this.#options;
    const stats = torrent.stats();
    this.#jsonAt = performance.now();
    this.#emit({
      type: "progress",
      state: stats.state,
      bytes: stats.doneBytes,
      total: stats.wantedBytes,
      downloadRate: Math.round(stats.downloadRate),
      uploadRate: Math.round(stats.uploadRate),
      uploaded: stats.uploadedBytes,
      pieces: stats.piecesDone,
      pieceCount: stats.pieceCount,
      peers: stats.peers,
      seeds: stats.seeds,
      etaSeconds: stats.etaMs === undefined
        ? null
        : Math.round(stats.etaMs / 1000),
    });
  }

  #show(): void {
    const { torrent, json } = this.#options;
    if (json) {
      if (performance.now() - this.#jsonAt >= JSON_PROGRESS_MS) {
        this.#progressEvent();
      }
      return;
    }
    const stats = torrent.stats();
    const name = safeText(torrent.name ?? toHex(torrent.infoHash));
    switch (stats.state) {
      case "checking":
        this.#progress.update(
          Math.min(
            stats.wantedBytes,
            this.#checked * (torrent.metainfo?.pieceLength ?? 0),
          ),
          { label: `Checking ${name}`, total: stats.wantedBytes },
        );
        break;
      case "metadata":
        this.#progress.update(0, {
          label: `Fetching metadata of ${name}`,
          detail: peersText(stats.peers, stats.candidates),
        });
        break;
      case "downloading":
        this.#progress.update(stats.doneBytes, {
          label: name,
          total: stats.wantedBytes,
          rate: stats.downloadRate,
          detail: [
            peersText(stats.peers, stats.candidates),
            `${stats.piecesDone}/${stats.pieceCount} pieces`,
            ...(stats.uploadRate > 0
              ? [`up ${formatRate(stats.uploadRate)}`]
              : []),
          ].join("  "),
        });
        break;
      case "seeding":
        this.#progress.update(stats.uploadedBytes, {
          label: `Seeding ${name}`,
          total: 0,
          rate: stats.uploadRate,
          detail: peersText(stats.peers, stats.candidates),
        });
        break;
    }
  }
}

function peersText(peers: number, candidates: number): string {
  return `${peers} ${peers === 1 ? "peer" : "peers"} of ${candidates}`;
}

/**
 * Waits for the end of seeding: a goal, an error or the person.
 *
 * @param torrent The complete torrent.
 * @param options Goals, and the signal of Ctrl-C.
 * @returns The exit code.
 */
export async function seedUntil(
  torrent: Torrent,
  options: {
    readonly ratio: number;
    readonly ms: number;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { ratio, ms, signal } = options;
  const endAt = performance.now() + ms;
  const size = torrent.stats().wantedBytes;
  while (!signal.aborted) {
    if (torrent.error !== undefined) throw torrent.error;
    if (performance.now() >= endAt) return 0;
    if (torrent.stats().uploadedBytes >= ratio * size && ratio > 0) return 0;
    await pauseFor(200, signal);
  }
  return EXIT_INTERRUPTED;
}

/**
 * Waits a while or until a signal fires; never rejects.
 *
 * @param ms How long, in milliseconds.
 * @param signal Ends the wait.
 */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

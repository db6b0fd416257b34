/**
 * What `bip download` and `bip seed` share: options of the network, and the end
 * of seeding.
 *
 * @module
 */
import { policiesOf, POLICY_OPTIONS } from "./policies.ts";
import {
  type Endpoint,
  formatEndpoint,
  ipScope,
  tryParseIp,
} from "../../_shared/address.ts";
import { sleep, systemClock } from "../../_shared/clock.ts";
import { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import { ENCRYPTION_POLICIES } from "../../handshake/encryption_policy.ts";
import type { SessionOptions } from "../../client/types.ts";
import { addressesOf, ipOf } from "../address_options.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { EXIT_INTERRUPTED } from "../exit_code.ts";
import { listenError } from "../io_error.ts";
import type { WebAccess } from "../torrent/fetch_torrent.ts";
import { parseRate, parseTracker } from "../units.ts";
import { type ListenNames, planPrivacy, PRIVACY_OPTIONS } from "./proxy.ts";

/** Where peers expect a client to listen. */
const DEFAULT_PORT = 6881;

const UTP_MODES = ["off", "accept", "both"] as const;

/** What `--json` prints, for the help of a verb. */
export const JSON_DETAILS =
  '--json prints {"type":"listening", "address", "port"} at start-up and whenever listening resumes after a failure, {"type":"torrent", "infoHash", "infoHashV2", "name", "magnet"} when seeding, {"type":"state", "state"} at each change, {"type":"progress", "state", "bytes", "total", "downloadRate", "uploadRate", "uploaded", "pieces", "pieceCount", "peers", "seeds", "etaSeconds"} twice a second, {"type":"piece", "index", "good"}, {"type":"peer", "address", "state", "direction", "client", "reason"}, {"type":"tracker", "tracker", "ok", "peers", "error"}, {"type":"metadata", "name", "bytes", "pieces"}, {"type":"warning", "code", "message", "files"}, {"type":"renamed", "files": [{"index", "from", "to"}]}, {"type":"complete", "infoHash", "name", "bytes", "seconds", "downloaded", "uploaded"} and {"type":"error", "code", "message"}; what is unknown is null. With several sources, events about one of them have its info-hash as "torrent".';

/** Options of every verb that exchanges data with peers. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    name: "peer",
    value: "HOST:PORT",
    repeat: true,
    summary: "Peer to connect to first",
  },
  {
    name: "listen",
    value: "ADDR",
    summary: "IP address to listen on (all)",
  },
  {
    name: "port",
    value: "N",
    summary: "Port to listen on; 0 picks one (6881 if free)",
  },
  {
    name: "dht-node",
    value: "HOST:PORT",
    repeat: true,
    summary: "DHT node to bootstrap from instead of the public ones",
  },
  {
    name: "utp",
    value: "MODE",
    summary: "uTP: off, accept (incoming only) or both (both)",
    complete: UTP_MODES,
  },
  {
    name: "encryption",
    value: "POLICY",
    summary: "Encrypted connections (prefer)",
    complete: ENCRYPTION_POLICIES,
  },
  { name: "no-trackers", summary: "Use no trackers" },
  { name: "no-dht", summary: "Do not use the DHT" },
  { name: "no-lpd", summary: "Do not look for peers on the local network" },
  { name: "no-port-map", summary: "Do not map a port on the gateway" },
  { name: "no-pex", summary: "Do not exchange peers with others (PEX)" },
  {
    name: "tracker",
    value: "URL",
    repeat: true,
    summary: "Additional tracker",
  },
  {
    name: "max-peers",
    value: "N",
    summary: "Maximum number of connections (500, 100 per torrent)",
  },
  ...POLICY_OPTIONS,
  {
    name: "down-limit",
    value: "RATE",
    summary: "Maximum download rate, such as 2M",
  },
  {
    name: "up-limit",
    value: "RATE",
    summary: "Maximum upload rate, such as 500K",
  },
  {
    name: "blocklist",
    value: "FILE|URL",
    repeat: true,
    summary:
      "Block these addresses: P2P text, eMule dat or CIDR prefixes, also gzipped; SIGHUP reloads it",
    complete: "file",
  },
  ...PRIVACY_OPTIONS,
  { name: "json", summary: "Print one JSON object per line" },
  { name: "quiet", short: "q", summary: "Show no progress" },
];

const NAMES = { listen: "listen", port: "port" } as const;

/** How to open a session: what the person typed, checked. */
export interface NetworkPlan {
  /** Options but for the address. */
  readonly options: SessionOptions;
  /** Peers to try first. */
  readonly peers: readonly Endpoint[];
  /** Trackers to ask beside those of torrents. */
  readonly trackers: readonly string[];
  /** Whether peers can be found without being named. */
  readonly discovers: boolean;
  /** Whether to listen at all. */
  readonly listens: boolean;
  /** What the proxy cannot do, in one line. */
  readonly privacyNote: string | undefined;
  /** How is asked what is named by URL. */
  readonly web: WebAccess;
  /** Block lists, as named. */
  readonly blocklists: readonly string[];
  /** Address to listen on; all of them where it is left out. */
  readonly host: string | undefined;
  /** Ports to listen on, best first. */
  readonly ports: readonly number[];
  /** Whether the person said where to listen, as for peers that will come. */
  readonly awaits: boolean;
}

/**
 * Checks the network options before anything is done.
 *
 * @param args What the person typed.
 * @param names What `listen` and `port` are called, if not that.
 * @returns How to open the session.
 * @throws {UsageError} If an option makes no sense.
 */
export async function planNetwork(
  args: Arguments,
  names: ListenNames = NAMES,
): Promise<NetworkPlan> {
  args.exclude(
    ["tracker", "no-trackers"],
    ["dht-node", "no-dht"],
    ["web-seed", "no-web-seeds"],
  );
  const address = ipOf(args, names.listen);
  const port = args.integer(names.port, 0, 65535);
  // Listening on this machine only means: with nobody else.
  const isLocal = address !== undefined &&
    ipScope(tryParseIp(address)!) === "loopback";
  const privacy = await planPrivacy(args, names);
  const maxPeers = args.integer("max-peers", 1, 10_000);
  const nodes = addressesOf(args, "dht-node");
  const dht: SessionOptions["dht"] = args.has("no-dht") || !privacy.allowsDht
    ? false
    : nodes.length > 0
    ? { bootstrap: nodes }
    : isLocal
    ? false
    : {};
  const lpd: SessionOptions["lpd"] = args.has("no-lpd") || isLocal ||
      privacy.hidesPeers || privacy.options.anonymous
    ? false
    : {};
  const options: SessionOptions = {
    ...privacy.options,
    dht,
    lpd,
    portMap: args.has("no-port-map") || isLocal ? false : {},
    trackers: !args.has("no-trackers"),
    pex: !args.has("no-pex"),
    webSeeds: !args.has("no-web-seeds"),
    ...(maxPeers === undefined
      ? {}
      : { maxPeers, maxPeersPerTorrent: maxPeers }),
    ...policiesOf(args),
    utp: args.choice("utp", UTP_MODES) ?? "both",
    encryption: args.choice("encryption", ENCRYPTION_POLICIES) ?? "prefer",
    downloadLimit: parseRate(args.get("down-limit") ?? "0", "--down-limit"),
    uploadLimit: parseRate(args.get("up-limit") ?? "0", "--up-limit"),
  };
  return {
    options,
    peers: addressesOf(args, "peer"),
    trackers: args.all("tracker").map((url) => parseTracker(url, "--tracker")),
    listens: !privacy.hidesPeers || address !== undefined ||
      port !== undefined,
    privacyNote: privacy.note,
    web: privacy.web,
    blocklists: args.all("blocklist"),
    discovers: dht !== false || lpd !== false,
    host: address,
    ports: port === undefined ? [DEFAULT_PORT, 0] : [port],
    awaits: address !== undefined || port !== undefined,
  };
}

/** Where a session listens, in words. */
export function where({ local }: Pick<Session, "local">): string {
  if (local === undefined) return "nowhere";
  const { hostname, port } = local;
  return hostname === "::"
    ? `[::]:${port} and 0.0.0.0:${port}`
    : formatEndpoint(local);
}

/**
 * Says when another port than the usual one had to be taken.
 *
 * @param plan How the session was opened.
 * @param session The session.
 * @returns Words that follow the address, or nothing.
 */
export function portNote(
  { ports }: NetworkPlan,
  { local }: Pick<Session, "local">,
): string {
  return ports[0] === 0 || local === undefined || ports[0] === local.port
    ? ""
    : ` (port ${ports[0]} is taken)`;
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
 * Opens a session: reads its block lists, then takes the first port that can be
 * bound.
 *
 * @param plan How.
 * @param signal Ends the reading.
 * @returns The session, listening.
 */
export async function openSession(
  plan: NetworkPlan,
  signal: AbortSignal,
): Promise<Session> {
  const { host: hostname, ports, blocklists } = plan;
  let { options } = plan;
  if (blocklists.length > 0) {
    const { loadBlocklists } = await import("./blocklist.ts");
    const blocklist = await loadBlocklists(blocklists, { ...plan.web, signal });
    options = { ...options, blocklist };
  }
  if (!plan.listens) return await Session.open({ ...options, listen: false });
  let failure: unknown;
  for (const port of ports) {
    try {
      return await Session.open({ ...options, listen: { hostname, port } });
    } catch (error) {
      // A refused permission will not be granted for another port.
      if (error instanceof Deno.errors.NotCapable) throw error;
      failure ??= error;
    }
  }
  const port = ports[0]!;
  const where = hostname === undefined
    ? `port ${port}`
    : formatEndpoint({ hostname, port });
  throw listenError(failure, where);
}

/**
 * Reads the block lists of a session again at each SIGHUP. Without any the
 * signal keeps its meaning.
 *
 * @param session Whose lists.
 * @param plan How it was opened.
 * @param reporter Says what came of it.
 * @param signal Ends the reading.
 * @returns Gives the signal its meaning back.
 */
export async function followBlocklists(
  session: Session,
  { blocklists, web }: NetworkPlan,
  reporter: { note(text: string): void },
  signal: AbortSignal,
): Promise<Disposable | undefined> {
  if (blocklists.length === 0) return undefined;
  const { reloadBlocklists } = await import("./blocklist.ts");
  const note = (text: string) => reporter.note(text);
  return reloadBlocklists(session, blocklists, note, { ...web, signal });
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
 * @param ms How long, in milliseconds; may be `Infinity`.
 * @param signal Ends the wait.
 */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(systemClock, ms, { signal }).catch(() => {});
}

/** A swarm of one torrent that is made up, and peers that come to it. */
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { CandidateSource, Endpoint } from "../../../_shared/address.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { TorrentHost } from "../../../client/content/torrent_host.ts";
import { DebtBook } from "../../../client/limits/host_book.ts";
import { HostBook } from "../../../client/limits/host_book.ts";
import { PeerPlaces } from "../../../client/limits/peer_places.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { SendBudget } from "../../../client/limits/peer_places.ts";
import { CandidateSources } from "../../../client/peers/candidate.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import { Swarm } from "../../../client/swarm/swarm.ts";
import { ExtensionBits } from "../../../handshake/extension_bits.ts";
import {
  PeerConnection,
  type PeerConnectionEvent,
  type PeerConnectionOptions,
} from "../../../peer/mod.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";
import type { PeerList } from "../../../client/peer_list.ts";
import { bytePipe, type PipeEnd } from "../../peer/byte_pipe.ts";

/** What the torrent is called. */
export const infoHash = new Uint8Array(20).fill(1);
const peerId = new Uint8Array(20).fill(2);
/** How many pieces it has. */
export const PIECES = 512;

/** A peer of it, and its other end. */
interface Visitor {
  readonly near: PipeEnd;
  readonly remote: PeerConnection;
  /** What the other end was told. */
  readonly events: PeerConnectionEvent[];
  /** The types of what it was told since the last look. */
  types(): string[];
  readonly peer: SwarmPeer;
}

/** How a peer comes. */
interface Coming {
  /** Where it is known from; one without came by itself. */
  readonly source?: CandidateSource;
  readonly bits?: Parameters<typeof ExtensionBits.of>;
  readonly remote?: Partial<PeerConnectionOptions>;
}

interface FakeContent {
  hashes: { answer(): unknown } | undefined;
}

/** A swarm, what it tells, and a way to it. */
interface SwarmScene {
  readonly clock: SimClock;
  readonly swarm: Swarm;
  readonly list: PeerList;
  readonly torrent: {
    metainfo: object | undefined;
    magnet: object | undefined;
    content: FakeContent | undefined;
    isPrivate: boolean;
    isComplete: boolean;
    readonly limits: { readonly upload: RateLimiter };
  };
  readonly content: FakeContent;
  /** Lets a peer come, or be dialled. */
  connect(hostname: string, more?: Coming): Promise<Visitor>;
  /** What was told since the last look, all of it or of some types. */
  told(...types: string[]): Promise<unknown[]>;
}

interface Chosen {
  readonly options?: Record<string, unknown>;
  readonly context?: Record<string, unknown>;
  readonly bytesPerSecond?: number;
}

/** A swarm, what it tells, and peers that come to it. */
export function setUpSwarm(
  { options, context, bytesPerSecond }: Chosen = {},
): SwarmScene {
  const clock = new SimClock();
  const log: unknown[] = [];
  const note = (...line: unknown[]) => void log.push(line);
  const content = {
    layout: { pieceCount: PIECES },
    storage: { pressure: undefined },
    revealer: { admit: () => Bitfield.full(PIECES) },
    hashes: undefined as FakeContent["hashes"],
    servedSize: () => 16_384,
    servedFirst: () => undefined,
    addPeer: (peer: SwarmPeer) => {
      peer.inPicker = true;
      note("in", peer.key);
    },
    removePeer: ({ key }: SwarmPeer) => note("out", key),
    handle: (_: SwarmPeer, { type }: { type: string }) => note("event", type),
  };
  const torrent = {
    infoHash,
    metainfo: undefined as object | undefined,
    magnet: undefined as object | undefined,
    content: undefined as FakeContent | undefined,
    options: {},
    isPrivate: false,
    isComplete: false,
    limits: {
      download: new RateLimiter({ clock }),
      upload: new RateLimiter({ clock, bytesPerSecond }),
    },
    publish: ({ type, ...rest }: { type: string }) => note(type, rest),
    busy: () => {},
    context: {
      clock,
      timers: clock,
      random: seededRandom(1),
      sources: new CandidateSources(),
      hosts: new HostBook(),
      debts: new DebtBook(),
      places: new PeerPlaces(50),
      sendBudget: new SendBudget(1e9),
      isBlocked: (hostname: string) => hostname === "10.9.9.9",
      handshaker: { dialNext: () => new Promise(() => {}) },
      options: { ...options },
      dialsUtp: true,
      maxReadBytes: 65_536,
      listenPort: 0,
      dhtPort: undefined,
      onDhtNode: (node: Endpoint) => note("node", node),
      ...context,
    },
  };
  const swarm = new Swarm(torrent as unknown as TorrentHost);
  swarm.start();
  const { list } = swarm;
  list.released = (address, _now, outcome) =>
    note("released", address.port, outcome);
  list.judge = (address, useful) => note("judged", address.port, useful);
  /** Lets a peer come, or be dialled. */
  const connect = async (
    hostname: string,
    more: Coming = {},
  ) => {
    const { source, bits = ["fast", "extension-protocol"] } = more;
    const [near, far] = bytePipe(hostname);
    const address = { hostname, port: 6881 };
    const extensions = ExtensionBits.of(...bits);
    const events: PeerConnectionEvent[] = [];
    const remote = PeerConnection.start({
      connection: far,
      infoHash,
      peerId,
      clock,
      fast: extensions.has("fast"),
      extended: extensions.has("extension-protocol"),
      pieceCount: PIECES,
      extensionNames: ["ut_metadata", "ut_pex", "ut_holepunch"],
      ...more.remote,
      onEvent: (event) => void events.push(event),
    });
    const candidate = source === undefined
      ? undefined
      : { infoHash, address, source };
    if (candidate) list.add(candidate);
    swarm.attach({
      type: "connected",
      connection: near,
      infoHash,
      wireInfoHash: infoHash,
      peerId,
      extensions,
      remoteExtensions: extensions,
      protocol: "",
      address,
      transport: "tcp",
      encryption: "plaintext" as never,
      direction: source === undefined ? "inbound" : "outbound",
      candidate,
    });
    await drain();
    const peer = [...swarm.peers.values()].find((one) =>
      one.address === address
    );
    const types = () => events.splice(0).map(({ type }) => type as string);
    return { near, remote, events, types, peer: peer! };
  };
  const told = async (...types: string[]) => {
    await drain();
    return log.splice(0).filter((line) =>
      types.length === 0 || types.includes((line as [string])[0])
    );
  };
  return { clock, swarm, list, torrent, content, connect, told };
}

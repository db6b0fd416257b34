/**
 * Makes what the torrents of a session share.
 *
 * @module
 */
import { systemClock } from "../../_shared/clock.ts";
import { randomInt, systemRandom } from "../../_shared/random.ts";
import type { Handshaker } from "../../handshake/handshaker.ts";
import type { SessionContext } from "../content/session_context.ts";
import { DebtBook, HostBook } from "../limits/host_book.ts";
import { type PeerPlaces, SendBudget } from "../limits/peer_places.ts";
import { RateLimiter } from "../limits/rate_limiter.ts";
import { UploadSlots } from "../limits/upload_slots.ts";
import { CandidateSources } from "../peers/candidate.ts";
import type { AnnounceScheduler } from "../trackers/announce_scheduler.ts";
import type { Privacy } from "./privacy.ts";
import { readBytes, type SessionDisks } from "./session_disks.ts";
import type { SessionServices } from "./session_services.ts";
import { toldPort } from "./told_port.ts";
import type { TrackerClients } from "./tracker_clients.ts";

/** Bytes that may wait to be sent, over all peers. */
const MAX_SEND_BYTES = 128 * 1024 * 1024;

/** What a session has made of its own by then. */
export interface ContextParts {
  readonly privacy: Privacy;
  readonly handshaker: Handshaker;
  readonly places: PeerPlaces;
  readonly services: SessionServices;
  readonly announces: AnnounceScheduler;
  readonly trackers: TrackerClients;
  readonly disks: SessionDisks;
}

/** Joins the parts of a session with its limits and books. */
export function makeContext(parts: ContextParts): SessionContext {
  const { privacy, handshaker, services, announces, trackers, disks, places } =
    parts;
  const { options, blocklist } = privacy;
  const { clock = systemClock, random = systemRandom } = options;
  const { timers, mapper } = services;
  const limiter = (rate: number | undefined) =>
    new RateLimiter({ clock, bytesPerSecond: rate ?? Infinity });
  const uploadLimit = limiter(options.uploadLimit);
  return {
    options,
    clock,
    timers,
    announces,
    random,
    handshaker,
    dialsUtp: handshaker.transports.includes("utp"),
    downloadLimit: limiter(options.downloadLimit),
    uploadLimit,
    sendBudget: new SendBudget(MAX_SEND_BYTES),
    uploadSlots: new UploadSlots({
      slots: options.uploadSlots,
      limit: () => uploadLimit.rate,
    }),
    trackerKey: randomInt(random, 0x100000000),
    maxReadBytes: readBytes(options.maxBufferedBytes),
    discovery: [...services.sources, ...options.discovery ?? []],
    get dhtPort() {
      return toldPort(mapper, "udp", services.dht) || undefined;
    },
    get listenPort() {
      return toldPort(mapper, "tcp", privacy.tellsPort && handshaker);
    },
    privacy,
    onDhtNode: (node) => services.lookups?.addNode(node),
    places,
    debts: new DebtBook(),
    hosts: new HostBook(),
    sources: new CandidateSources(
      options.discovery?.map(({ source, traits = {} }) => [source, traits]),
    ),
    disk: (where) => disks.at(where),
    trackerFor: (url) => trackers.clientFor(url),
    isBlocked: blocklist.has,
  };
}

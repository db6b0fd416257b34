/**
 * The discovery services that a session runs for all of its torrents.
 *
 * @module
 */
import { type Endpoint, ipScope, tryParseIp } from "../../_shared/address.ts";
import { type Clock, systemClock } from "../../_shared/clock.ts";
import { SharedClock } from "../../_shared/deadline_heap.ts";
import type { MainlineDht } from "../../dht/node.ts";
import type { MainlineDhtOptions } from "../../dht/mainline_options.ts";
import type { LocalDiscovery } from "../../lpd/discovery.ts";
import { DhtPeers } from "./dht_peers.ts";
import { LocalPeers } from "../local_peers.ts";
import type { SharedDiscovery } from "../discovery_runner.ts";
import type { SessionUtp } from "./open_handshaker.ts";
import type { SessionOptions } from "../types.ts";
import type { Privacy } from "./privacy.ts";
import type { PortMapper } from "../../portmap/port_mapper.ts";
import type { PortRequest } from "../../portmap/types.ts";

/** Discovery services of a session. */
export interface SessionServices {
  /** Clock to use, for many timers. */
  readonly timers: Clock;
  /** Our node of the DHT. */
  readonly dht: MainlineDht | undefined;
  /** What it is asked by torrents. */
  readonly lookups: DhtPeers | undefined;
  /** Where torrents look for peers. */
  readonly sources: readonly SharedDiscovery[];
  /** Has the gateway lead strangers to us. */
  readonly mapper: PortMapper | undefined;
  /** Closes them all. */
  close(): Promise<void>;
}

/** Opens what the options ask for. */
export async function openServices(
  privacy: Privacy,
  local: Endpoint | undefined,
  utp?: SessionUtp,
): Promise<SessionServices> {
  const { options, bound, tellsPort } = privacy;
  const timers = new SharedClock(options.clock ?? systemClock);
  await using stack = new AsyncDisposableStack();
  // Closed last: the DHT has a part of its port.
  if (utp !== undefined) stack.use(utp.transport);
  const sources: SharedDiscovery[] = [];
  let dht: MainlineDht | undefined;
  let lookups: DhtPeers | undefined;
  if (options.dht) {
    // uTP through a proxy has no port to share.
    const shared = tellsPort ? utp : undefined;
    dht = stack.use(
      await openDht(privacy, options.dht, local, shared),
    );
    lookups = new DhtPeers(dht, timers);
    stack.use(lookups);
    sources.push(lookups);
  }
  if (options.lpd) {
    // Multicast leaves by the interface that it is told.
    const lpd = bound === undefined || options.lpd.interfaces !== undefined
      ? options.lpd
      : { ...options.lpd, interfaces: bound.addresses };
    const service = await openLocal(options, lpd);
    if (service !== undefined) {
      const peers = new LocalPeers(service, local?.port ?? 0);
      stack.defer(() => peers.close());
      sources.push(peers);
    }
  }
  // What goes through a proxy has no port here.
  const mapper = tellsPort
    ? await openMapper(privacy, local, [dht?.locals[0]?.port, utp?.port])
    : undefined;
  if (mapper !== undefined) stack.use(mapper);
  const owned = stack.move();
  const close = () => owned.disposeAsync();
  return { timers, dht, lookups, sources, mapper, close };
}

/** Binds the address we listen on; peers expect the same port for both. */
async function openDht(
  { options, blocklist, bound, direct }: Privacy,
  wanted: MainlineDhtOptions,
  local: Endpoint | undefined,
  utp: SessionUtp | undefined,
): Promise<MainlineDht> {
  const { clock, random } = options;
  const { MainlineDht } = await import("../../dht/node.ts");
  const ip = local && tryParseIp(local.hostname);
  const everywhere = ip === undefined || ipScope(ip) === "unspecified" ||
    bound !== undefined;
  let open = direct.openSocket;
  if (options.utp === "off" && options.transports === undefined) {
    const { refuseUtp } = await import("../../utp/refusal.ts");
    open = async (where) => refuseUtp(await direct.openSocket(where));
  }
  const settings: MainlineDhtOptions = {
    ...(local && !everywhere ? { hostname: local.hostname } : {}),
    ...(clock ? { clock } : {}),
    ...(random ? { random } : {}),
    ...wanted,
    socket: blocklist.sockets(
      wanted.socket ??
        (utp ? (where) => utp.transport.share(where) : open),
    ),
  };
  if (wanted.port !== undefined || local === undefined) {
    return await MainlineDht.open(settings);
  }
  try {
    return await MainlineDht.open({ ...settings, port: local.port });
  } catch (error) {
    // Somebody else has the UDP port: any other will do.
    if (!(error instanceof Error) || error.name === "NotCapable") throw error;
    return await MainlineDht.open(settings);
  }
}

async function openLocal(
  options: SessionOptions,
  wanted: NonNullable<Exclude<SessionOptions["lpd"], false>>,
): Promise<LocalDiscovery | undefined> {
  const { clock, random } = options;
  const { LocalDiscovery } = await import("../../lpd/discovery.ts");
  try {
    return await LocalDiscovery.open({
      ...(clock ? { clock } : {}),
      ...(random ? { random } : {}),
      ...wanted,
    });
  } catch (error) {
    if (error instanceof Error && error.name === "LpdError") return undefined;
    throw error;
  }
}

/**
 * Maps what we listen on. What listens on loopback, or by IPv6 only, has nothing
 * to map; a gateway that cannot be asked keeps no session from opening.
 */
async function openMapper(
  { options, bound, direct }: Privacy,
  listening: Endpoint | undefined,
  udpPorts: readonly (number | undefined)[],
): Promise<PortMapper | undefined> {
  const { clock, random, portMap } = options;
  if (!portMap || listening === undefined) return undefined;
  const own = bound?.addresses.find((address) => !address.includes(":"));
  const local = own === undefined
    ? listening
    : { hostname: own, port: listening.port };
  if (!isMappable(local)) return undefined;
  const { PortMapper } = await import("../../portmap/port_mapper.ts");
  const ports: PortRequest[] = [{ protocol: "tcp", port: local.port }];
  for (const port of new Set(udpPorts)) {
    if (port !== undefined) ports.push({ protocol: "udp", port });
  }
  try {
    return await PortMapper.open({
      ...(clock ? { clock } : {}),
      ...(random ? { random } : {}),
      ...(own === undefined
        ? {}
        : { local: own, socket: direct.openSocket, transport: direct.tcp }),
      ...portMap,
      ports,
    });
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return undefined;
  }
}

/** Whether a gateway can lead anybody to an address we listen on. */
export function isMappable({ hostname, port }: Endpoint): boolean {
  const ip = tryParseIp(hostname);
  if (ip === undefined || port === 0) return false;
  const scope = ipScope(ip);
  return scope === "unspecified" ||
    (ip.length === 4 && (scope === "private" || scope === "link-local"));
}

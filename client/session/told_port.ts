/**
 * The port that others are told: ours, or the gateway's.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { Clock } from "../../_shared/clock.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import type { BoundNetwork } from "../bound_network.ts";
import type { PortMapper } from "../../portmap/port_mapper.ts";
import type { PortRequest } from "../../portmap/types.ts";
import type { AnnounceScheduler } from "../trackers/announce_scheduler.ts";

/** What listens. */
interface Bound {
  readonly local?: Endpoint | undefined;
  readonly locals?: readonly Endpoint[];
}

/** The port of ours, or of the gateway, by which strangers reach us. */
export function toldPort(
  mapper: PortMapper | undefined,
  protocol: PortRequest["protocol"],
  from: Bound | false | undefined,
): number {
  const port = from ? from.local?.port ?? from.locals?.[0]?.port ?? 0 : 0;
  const mapping = mapper?.mappings().find((one) =>
    one.protocol === protocol && one.port === port
  );
  return mapping?.externalPort ?? port;
}

/** Tells trackers when we are somewhere again after our address was gone. */
export function followAddress(
  bound: BoundNetwork | undefined,
  torrents: ReadonlyMap<unknown, { reannounce(): void }>,
): void {
  bound?.watch(() => {
    if (bound.addresses.length === 0) return;
    for (const torrent of torrents.values()) torrent.reannounce();
  });
}

/** Longest wait for what the gateway says, in milliseconds. */
const WAIT_MS = 2_000;
/** Changes of the port that trackers are told out of turn: at once, a second. */
const CHANGES = 3;
const CHANGES_PER_SECOND = 1 / 1800;

/** What is needed to tell a port. */
interface PortContext {
  /** The port to tell now. */
  readonly listenPort: number;
  readonly clock: Clock;
  readonly announces: Pick<AnnounceScheduler, "hold">;
}

/**
 * Has trackers wait a moment for what the gateway says, and tells them when the
 * port to tell is another one later: what they were told stays for long.
 */
export async function followPort(
  mapper: PortMapper | undefined,
  context: PortContext,
  torrents: ReadonlyMap<unknown, { reannounce(): void }>,
): Promise<void> {
  if (mapper === undefined) return;
  const { announces, clock } = context;
  if (mapper.gateway !== undefined) announces.hold(clock.now() + WAIT_MS);
  const changes = new TokenBucket(CHANGES_PER_SECOND, CHANGES, clock.now());
  let told = context.listenPort;
  for await (const event of mapper.events()) {
    const isSettled = event.type === "failed" ||
      event.type === "mapped" && event.mapping.protocol === "tcp";
    if (isSettled) announces.hold(-Infinity);
    if (context.listenPort === told) continue;
    told = context.listenPort;
    if (!changes.take(clock.now())) continue;
    for (const torrent of torrents.values()) torrent.reannounce();
  }
}

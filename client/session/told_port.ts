/**
 * The port that others are told: ours, or the gateway's.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { PortMapper } from "../../portmap/port_mapper.ts";
import type { PortRequest } from "../../portmap/types.ts";

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

/** Tells trackers when the port to tell is another one. */
export async function followPort(
  mapper: PortMapper | undefined,
  context: { readonly listenPort: number },
  torrents: ReadonlyMap<unknown, { reannounce(): void }>,
): Promise<void> {
  let told = context.listenPort;
  for await (const _ of mapper?.events() ?? []) {
    if (context.listenPort === told) continue;
    told = context.listenPort;
    for (const torrent of torrents.values()) torrent.reannounce();
  }
}

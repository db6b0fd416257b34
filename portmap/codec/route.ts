/**
 * The gateway in Linux's table of routes.
 *
 * @module
 */
import { formatIp, ipScope, tryParseIp } from "../../_shared/address.ts";

/** The route is up, and leads over a gateway (Linux `RTF_UP`, `RTF_GATEWAY`). */
const FLAGS = 3;

/**
 * Finds the default gateway in the text of `/proc/net/route`: that of the least
 * metric. `undefined` when there is none, or one with a public address, which
 * translates nothing.
 */
export function parseGateway(text: string): string | undefined {
  let best: { gateway: string; metric: number } | undefined;
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, to, via, flags, , , metricText, mask] = fields;
    if (to !== "00000000" || mask !== "00000000") continue;
    if (!/^[0-9A-F]{8}$/i.test(via ?? "")) continue;
    if ((parseInt(flags!, 16) & FLAGS) !== FLAGS) continue;
    const metric = Number(metricText);
    if (best !== undefined && best.metric <= metric) continue;
    // The kernel prints an address as a number of the machine: little-endian.
    const gateway = formatIp(Uint8Array.fromHex(via!).reverse());
    best = { gateway, metric };
  }
  const ip = best && tryParseIp(best.gateway);
  const scope = ip && ipScope(ip);
  return scope === "private" || scope === "link-local"
    ? best?.gateway
    : undefined;
}

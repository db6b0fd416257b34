/**
 * Which URLs may be asked for.
 *
 * @module
 */
import { findHost, isServicePort, type Resolve } from "../_shared/reach.ts";

/** What is known of the web seed whose URL, or whose redirect, it is. */
export interface TargetContext {
  /** The web seed's URL. */
  readonly base: URL;
  /** Whether a person named that. */
  readonly isNamed: boolean;
  /** Resolves names of hosts. */
  readonly resolve: Resolve;
  /** Tells which addresses are not to be asked. */
  readonly isBlocked?: ((address: string) => boolean) | undefined;
}

/** Why a URL may not be asked for. */
export interface TargetRefusal {
  readonly reason: string;
  /** Whether it never may. */
  readonly isForbidden: boolean;
}

/**
 * Strangers may send us to public addresses only, and to no ports of services
 * that are no web servers; a host that a person named sends us no nearer to us
 * than it is itself. Returns why not, or `undefined`.
 */
export async function refuseTarget(
  url: URL,
  { base, isNamed, resolve, isBlocked }: TargetContext,
): Promise<TargetRefusal | undefined> {
  if (isNamed && url.hostname === base.hostname) return undefined;
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  if (isServicePort(port)) {
    const reason = `Port ${port} belongs to another service`;
    return { reason, isForbidden: true };
  }
  const { reach, address } = await findHost(url, resolve);
  const most = isNamed ? (await findHost(base, resolve)).reach : 0;
  if (reach > most) {
    const reason = "It leads to a private network, or to this machine";
    return { reason, isForbidden: true };
  }
  if (address !== undefined && isBlocked?.(address)) {
    return { reason: "Its address is on the block list", isForbidden: true };
  }
  if (address !== undefined || reach > 0) return undefined;
  const reason = "The name of the host cannot be resolved";
  return { reason, isForbidden: false };
}

/**
 * Which URLs may be asked for.
 *
 * @module
 */
import {
  findHost,
  type HostPlace,
  isServicePort,
  type Resolve,
} from "../_shared/reach.ts";

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

/** Why a URL may not be asked for, or where its host is, if that matters. */
export type Target =
  | {
    readonly type: "refused";
    readonly reason: string;
    /** Whether it never may. */
    readonly isForbidden: boolean;
  }
  | { readonly type: "allowed"; readonly place?: HostPlace };

/**
 * Strangers may send us to public addresses only, and to no ports of services
 * that are no web servers; a host that a person named sends us no nearer to us
 * than it is itself.
 */
export async function judgeTarget(
  url: URL,
  { base, isNamed, resolve, isBlocked }: TargetContext,
): Promise<Target> {
  const refuse = (reason: string, isForbidden = true): Target => (
    { type: "refused", reason, isForbidden }
  );
  if (isNamed && url.hostname === base.hostname) return { type: "allowed" };
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  if (isServicePort(port)) {
    return refuse(`Port ${port} belongs to another service`);
  }
  const place = await findHost(url, resolve);
  const { reach, addresses } = place;
  const most = isNamed ? (await findHost(base, resolve)).reach : 0;
  if (reach > most) {
    return refuse("It leads to a private network, or to this machine");
  }
  if (addresses.some((address) => isBlocked?.(address))) {
    return refuse("Its address is on the block list");
  }
  return addresses.length === 0 && reach === 0
    ? refuse("The name of the host cannot be resolved", false)
    : { type: "allowed", place };
}

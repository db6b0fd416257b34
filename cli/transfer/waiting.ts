/**
 * What a torrent without data waits for, in words.
 *
 * @module
 */
import type { Session, Torrent } from "../../client/mod.ts";
import { plural } from "../text.ts";

/** What is known of the attempts to connect. */
export interface Attempts {
  /** Peers that could not be reached, or did not want us. */
  readonly failed: number;
  /** Whether an attempt failed because there is no way to the network. */
  readonly isUnreachable: boolean;
}

/** Whether an error says that there is no network. */
export function isNoNetwork(message: string | undefined): boolean {
  return /network (is )?(unreachable|down)|no route to host|name resolution/i
    .test(message ?? "");
}

/**
 * Says who is asked for peers, and with what success.
 *
 * @param torrent Which torrent.
 * @param dht Our node of the DHT, if there is one.
 * @param attempts What is known of the attempts to connect.
 * @returns Short texts that are safe to show, the most important first.
 */
export function waitingFor(
  torrent: Pick<Torrent, "stats" | "trackers">,
  dht: Pick<NonNullable<Session["dht"]>, "stats"> | undefined,
  attempts: Attempts,
): string[] {
  const { peers, connecting } = torrent.stats();
  const trackers = torrent.trackers();
  const count = (...states: string[]) =>
    trackers.filter(({ state }) => states.includes(state)).length;
  const asked = count("announcing");
  const failed = count("failed", "disabled");
  const nodes = dht?.stats();
  const texts: string[] = [];
  const isCutOff = attempts.isUnreachable || (nodes?.sendErrors ?? 0) > 0 ||
    trackers.some(({ message }) => isNoNetwork(message));
  if (
    peers === 0 && isCutOff && failed === trackers.length &&
    (nodes?.nodes ?? 0) === 0
  ) texts.push("no network");
  if (connecting > 0) texts.push(`trying ${plural(connecting, "peer")}`);
  if (attempts.failed > 0) texts.push(`${attempts.failed} refused`);
  if (asked > 0) texts.push(`asking ${plural(asked, "tracker")}`);
  if (failed > 0) texts.push(`${plural(failed, "tracker")} failed`);
  if (nodes !== undefined) {
    texts.push(plural(nodes.nodes, "DHT node"));
  }
  return texts;
}

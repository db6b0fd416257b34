/**
 * Whom an announce URL leads to: names that are fit to be shown, and how many
 * trackers of one host a torrent may bring.
 *
 * @module
 */
import { hostKey, siteKey } from "../../_shared/address.ts";

/** Most trackers of one torrent that are used. */
const MAX_TRACKERS = 100;
/** Most of them at one host: over HTTP, HTTPS and UDP, and what it had before. */
export const MAX_PER_HOST = 8;
/** Most of them in one subnet or below one domain. */
const MAX_PER_SITE = 12;

/** Names a tracker without what may be a passkey. */
export function trackerName(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null
    ? "(invalid URL)"
    : `${parsed.protocol}//${parsed.host}`;
}

/**
 * Tells which host an announce URL leads to. What is the same host by another
 * spelling gives the same text; `localhost` is 127.0.0.1.
 */
export function trackerHost(url: string): string {
  return hostKey(hostnameOf(url));
}

function hostnameOf(url: string): string {
  // As HTTP: then numbers such as 127.1 are read as fetch does.
  const parsed = URL.parse(url.replace(/^[a-z]+:/i, "http:"));
  if (parsed === null) return "";
  const host = parsed.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return /(^|\.)localhost$|^::1$/.test(host) ? "127.0.0.1" : host;
}

/** Counts the trackers of a torrent. */
export class TrackerLimits {
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Counts one more tracker, if it may be used. */
  admit(url: string): boolean {
    if (this.#total >= MAX_TRACKERS) return false;
    const hostname = hostnameOf(url);
    const host = hostKey(hostname);
    const site = `site ${siteKey(hostname)}`;
    const ofHost = this.#counts.get(host) ?? 0;
    const ofSite = this.#counts.get(site) ?? 0;
    if (ofHost >= MAX_PER_HOST || ofSite >= MAX_PER_SITE) return false;
    this.#counts.set(host, ofHost + 1);
    this.#counts.set(site, ofSite + 1);
    this.#total++;
    return true;
  }
}

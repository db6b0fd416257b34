/**
 * Asks web servers at the addresses that were looked at. A name that strangers
 * give may lead elsewhere a moment later, into our own network (DNS rebinding).
 *
 * @module
 */
import { formatEndpoint, tryParseIp } from "../address.ts";
import type { HostPlace } from "../reach.ts";

/**
 * Tells what `fetch` says of a failure. The detail is in its cause, behind a URL
 * that may hold secrets.
 *
 * @param error What it threw.
 * @returns The reason, without URLs.
 */
export function fetchReason(error: unknown): string {
  const { message } = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error instanceof Error
    ? error
    : { message: String(error) };
  return message.replace(/^error sending request.*?(?=client error)/s, "")
    .replace(/^client error \(\w+\): |^Fetch failed: /, "")
    .replace(/^(tcp connect|dns) error: | \(os error \d+\)$/g, "")
    .replace(/https?:\/\/\S+/gi, "[URL]");
}

type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** Addresses of a name that are tried. */
const MAX_TRIED = 4;

const HOST_SENDERS = new WeakSet<Fetch>();

/** Marks a fetch that sends the header `host` as it is told. */
export function sendsHost<F extends Fetch>(fetch: F): F {
  HOST_SENDERS.add(fetch);
  return fetch;
}

/**
 * The built-in `fetch`, or another, that goes where names led when they were
 * looked up. That holds for `http:` only: who answers to `https:` has a
 * certificate for the name, as nobody in our network has. Not for others'
 * `fetch`, which resolve names as they like, and not without the permission to
 * use addresses.
 */
export class CheckedFetch implements Disposable {
  readonly #fetch: Fetch | undefined;
  readonly #poolMaxIdlePerHost: number;
  #pool: Deno.HttpClient | undefined;

  /** Opens nothing yet. */
  constructor(fetch: Fetch | undefined, poolMaxIdlePerHost: number) {
    this.#fetch = fetch;
    this.#poolMaxIdlePerHost = poolMaxIdlePerHost;
  }

  /** Asks; without a place it does not matter where the name leads. */
  async fetch(
    url: URL,
    init: RequestInit,
    place?: HostPlace,
  ): Promise<Response> {
    const addresses = this.#addressesOf(url, place);
    if (addresses === undefined) return await this.#ask(url, init);
    const headers = new Headers(init.headers);
    headers.set("host", url.host);
    let failure: unknown = new TypeError("The name has no address");
    for (const address of addresses.slice(0, MAX_TRIED)) {
      const at = new URL(url);
      at.hostname = address.includes(":") ? `[${address}]` : address;
      try {
        return await this.#ask(at, { ...init, headers });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** Closes connections that are kept. Idempotent. */
  close(): void {
    this.#pool?.close();
    this.#pool = undefined;
  }

  /** Same as {@linkcode CheckedFetch.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Where to ask; `undefined` where the name itself will do. */
  #addressesOf(
    url: URL,
    place: HostPlace | undefined,
  ): readonly string[] | undefined {
    const isOurs = this.#fetch === undefined || HOST_SENDERS.has(this.#fetch);
    const name = url.hostname.replace(/^\[|\]$/g, "");
    if (
      place === undefined || url.protocol !== "http:" || !isOurs ||
      tryParseIp(name) !== undefined ||
      // A name of our own network: nothing is nearer.
      (place.reach > 0 && place.addresses.length === 0)
    ) return undefined;
    const port = Number(url.port) || 80;
    const isAllowed = place.addresses.every((hostname) => {
      const host = formatEndpoint({ hostname, port });
      const { state } = Deno.permissions.querySync({ name: "net", host });
      return state === "granted";
    });
    if (!isAllowed) return undefined;
    // Broken IPv6 is common and slow to fail.
    return place.addresses.toSorted((a, b) =>
      Number(a.includes(":")) - Number(b.includes(":"))
    );
  }

  #ask(url: URL, init: RequestInit): Promise<Response> {
    if (this.#fetch !== undefined) return this.#fetch(url, init);
    this.#pool ??= Deno.createHttpClient({
      poolMaxIdlePerHost: this.#poolMaxIdlePerHost,
      allowHost: true,
    });
    const options: RequestInit & { client: Deno.HttpClient } = {
      ...init,
      client: this.#pool,
    };
    return globalThis.fetch(url, options);
  }
}

/**
 * HTTP through a proxy.
 *
 * @module
 */
import { tryParseIp } from "../_shared/address.ts";
import { formatProxyUrl, type Proxy } from "../handshake/proxy.ts";

/** Names of hosts are the proxy's to resolve: nobody here asks for them. */
export function refuseToResolve(): Promise<never> {
  return Promise.reject(new Error("The proxy resolves names"));
}

/** A far address that names stand for where only the proxy knows better. */
export const UNRESOLVED = "192.0.2.0";

/**
 * A `fetch` that sends everything through a proxy. It refuses hosts by name: the
 * built-in one would look them up here, whatever the proxy. Needs `--allow-net`.
 */
export class ProxyFetch implements Disposable {
  readonly #proxy: Proxy;
  #client: Deno.HttpClient | undefined;

  /** Makes it; nothing is opened before the first request. */
  constructor(proxy: Proxy) {
    this.#proxy = proxy;
  }

  /** Same as the built-in `fetch`, for URLs whose host is an IP address. */
  readonly fetch = (
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> => {
    const { hostname } = new URL(input instanceof Request ? input.url : input);
    if (tryParseIp(hostname.replace(/^\[|\]$/g, "")) === undefined) {
      return Promise.reject(
        new TypeError(
          `Cannot ask ${hostname} through a proxy: its name would be looked up here`,
        ),
      );
    }
    const { type, login } = this.#proxy;
    const client = this.#client ??= Deno.createHttpClient({
      poolMaxIdlePerHost: 3,
      proxy: {
        url: formatProxyUrl(this.#proxy),
        ...(type === "http" && login !== undefined
          ? { basicAuth: { username: login.user, password: login.password } }
          : {}),
      },
    });
    const through: RequestInit & { client: Deno.HttpClient } = {
      ...init,
      client,
    };
    return globalThis.fetch(input, through);
  };

  /** Ends what is under way and closes connections. Idempotent. */
  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

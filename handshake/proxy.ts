/**
 * Proxies as a person names them, and what goes wrong with them.
 *
 * @module
 */
import { type Endpoint, tryParseIp } from "../_shared/address.ts";
import { encodeText, fromByteString } from "../_shared/bytes.ts";

/** A proxy through which connections are made. */
export interface Proxy {
  /** SOCKS version 5 (RFC 1928), or HTTP CONNECT (RFC 9110). */
  readonly type: "socks5" | "http";
  /** Where it listens. */
  readonly address: Endpoint;
  /** User name and password, 1 to 255 bytes of UTF-8 each, where it asks. */
  readonly login?: {
    readonly user: string;
    readonly password: string;
  } | undefined;
}

/** Why a proxy did not connect us. */
export type ProxyErrorCode =
  /** It reached nobody there: says something about the target only. */
  | "target-unreachable"
  /** Nothing listens where it should be. */
  | "proxy-unreachable"
  /** It does not take us, or not without a user name and password. */
  | "login-refused"
  /** It does not do such a thing. */
  | "refused"
  /** It answers what is no answer, or hangs up. */
  | "bad-answer"
  /** The target has no name that a proxy can be told. */
  | "bad-target";

/** A proxy did not connect us; no message holds the user or password. */
export class ProxyError extends Error {
  /** What kind of failure. */
  readonly code: ProxyErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param message One line for people.
   * @param options `cause`: what went wrong underneath.
   */
  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProxyError";
    this.code = code;
  }
}

function isPart(text: string): boolean {
  const { length } = encodeText(text);
  return length >= 1 && length <= 255;
}

/**
 * Reads the URL of a proxy.
 *
 * @param text `socks5://host:port` (`socks5h` is the same) or
 * `http://host:port`, with `user:password@` in front of the host where needed;
 * without a port 1080 or 8080 are meant.
 * @returns The proxy.
 * @throws {TypeError} If it is no such URL; the message does not repeat it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseProxyUrl } from "@bip/bip/handshake";
 *
 * assertEquals(parseProxyUrl("socks5://192.0.2.1").address.port, 1080);
 * ```
 */
export function parseProxyUrl(text: string): Proxy {
  const wrong = (what: string) =>
    new TypeError(`Cannot use the URL of the proxy: ${what}`);
  const scheme = /^(socks5h?|http):\/\//i.exec(text)?.[1]?.toLowerCase();
  // The rules of http are those that parse hosts.
  const url = scheme && URL.parse(text.replace(/^\w+/, "http"));
  if (!url || url.hostname === "" || !/^\/?$/.test(url.pathname)) {
    throw wrong("expected socks5://host:port or http://host:port");
  }
  if (url.search !== "" || url.hash !== "") {
    throw wrong("nothing may follow the port");
  }
  const type = scheme === "http" ? "http" : "socks5";
  let user: string;
  let password: string;
  try {
    user = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
  } catch {
    throw wrong("its user or password is not escaped properly");
  }
  const hasLogin = user !== "" || password !== "";
  if (
    hasLogin &&
    (!isPart(user) || !isPart(password) ||
      /\p{Cc}/u.test(user + password))
  ) {
    throw wrong("user and password have 1 to 255 bytes each");
  }
  if (hasLogin && type === "http" && user.includes(":")) {
    throw wrong("a user name cannot hold a colon");
  }
  // The parser drops port 80, and an empty one.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  const port = Number(written ?? (type === "http" ? 8080 : 1080));
  if (port < 1 || port > 65535) throw wrong("its port is not from 1 to 65535");
  return {
    type,
    address: { hostname: url.hostname.replace(/^\[|\]$/g, ""), port },
    login: hasLogin ? { user, password } : undefined,
  };
}

/**
 * Checks what a proxy is told: an address, or a DNS name of letters that cannot
 * end a line or a field. Returns the 4 or 16 bytes of an address, or the name's.
 */
export function targetBytes({ hostname, port }: Endpoint): Uint8Array {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new ProxyError("bad-target", "The target's port is invalid");
  }
  const ip = tryParseIp(hostname);
  if (ip !== undefined) return ip;
  if (!/^[A-Za-z0-9._-]{1,255}$/.test(hostname)) {
    throw new ProxyError("bad-target", "The target's name is not a DNS name");
  }
  return fromByteString(hostname);
}

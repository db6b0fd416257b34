/**
 * What is said to a proxy until it has connected us. Pure: bytes come in, bytes
 * and the result go out.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import {
  concatBytes,
  encodeText,
  fromByteString,
  toByteString,
} from "../../_shared/bytes.ts";
import { type Proxy, ProxyError, targetBytes } from "../proxy.ts";
import {
  decodeSocksReply,
  encodeSocksGreeting,
  encodeSocksLogin,
  encodeSocksRequest,
  type SocksCommand,
} from "./socks5.ts";

/** Longest head of an answer, in bytes. */
export const MAX_HEAD = 16_384;

/** The request for a connection. */
function encodeConnect(
  to: Endpoint,
  login: Proxy["login"],
): Uint8Array {
  targetBytes(to);
  const host = formatEndpoint(to);
  const lines = [`CONNECT ${host} HTTP/1.1`, `Host: ${host}`];
  if (login !== undefined) {
    const { user, password } = login;
    const credentials = encodeText(`${user}:${password}`).toBase64();
    lines.push(`Proxy-Authorization: Basic ${credentials}`);
  }
  return fromByteString(`${lines.join("\r\n")}\r\n\r\n`);
}

/**
 * Reads the answer. Returns the length of its head, or `undefined` while bytes
 * are missing.
 */
export function decodeConnectAnswer(data: Uint8Array): number | undefined {
  const text = toByteString(data);
  if (!"HTTP/1.".startsWith(text.slice(0, 7))) {
    throw new ProxyError("bad-answer", "The proxy does not speak HTTP");
  }
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    if (data.length < MAX_HEAD) return undefined;
    throw new ProxyError("bad-answer", "The proxy's answer does not end");
  }
  const status = /^HTTP\/1\.[01] (\d{3})$/.exec(text.slice(0, 12))?.[1];
  if (status === undefined) {
    throw new ProxyError("bad-answer", "The proxy's answer has no status");
  }
  if (status.startsWith("2")) return end + 4;
  if (status === "407") {
    throw new ProxyError(
      "login-refused",
      "The proxy rejected the user name or password",
    );
  }
  const isTarget = status === "502" || status === "503" || status === "504";
  throw new ProxyError(
    isTarget ? "target-unreachable" : "refused",
    `The proxy refused the connection: status ${status}`,
  );
}

/** What the machine wants done. */
export type ProxyOutput =
  | { readonly type: "send"; readonly data: Uint8Array }
  | {
    readonly type: "connected";
    /** The address that the proxy bound, if it tells. */
    readonly bound: Endpoint | undefined;
    /** What the other side has sent already. */
    readonly rest: Uint8Array;
  }
  | { readonly type: "failed"; readonly error: ProxyError };

type State = "method" | "login" | "reply" | "http" | "over";

/** One negotiation with a proxy. */
export class ProxyMachine {
  readonly #proxy: Proxy;
  readonly #request: Uint8Array;
  readonly #outputs: ProxyOutput[] = [];
  #data: Uint8Array = new Uint8Array();
  #state: State;

  /** Begins; throws a `ProxyError` for a target that cannot be named. */
  constructor(proxy: Proxy, command: SocksCommand, to: Endpoint) {
    this.#proxy = proxy;
    if (proxy.type === "http") {
      if (command !== "connect") {
        throw new ProxyError("refused", "An HTTP proxy carries no datagrams");
      }
      this.#request = encodeConnect(to, proxy.login);
      this.#send(this.#request);
      this.#state = "http";
    } else {
      this.#request = encodeSocksRequest(command, to);
      this.#send(encodeSocksGreeting(proxy.login !== undefined));
      this.#state = "method";
    }
  }

  /** The next thing to do. */
  poll(): ProxyOutput | undefined {
    return this.#outputs.shift();
  }

  /** Takes what the proxy sent, or nothing at its end. */
  handle(data: Uint8Array | undefined): void {
    if (this.#state === "over") return;
    try {
      if (data === undefined) {
        throw new ProxyError("bad-answer", "The proxy hung up");
      }
      this.#data = concatBytes([this.#data, data]);
      while (this.#advance());
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      this.#end({ type: "failed", error });
    }
  }

  #send(data: Uint8Array): void {
    this.#outputs.push({ type: "send", data });
  }

  #end(output: ProxyOutput): void {
    this.#state = "over";
    this.#data = new Uint8Array();
    this.#outputs.push(output);
  }

  /** Reads one message; returns whether there may be another. */
  #advance(): boolean {
    const data = this.#data;
    switch (this.#state) {
      case "method":
      case "login": {
        if (data.length < 2) return false;
        this.#data = data.subarray(2);
        return this.#state === "method"
          ? this.#chosen(data[0]!, data[1]!)
          : this.#loggedIn(data[1]!);
      }
      case "reply": {
        const reply = decodeSocksReply(data);
        if (reply === undefined) return false;
        const rest = data.subarray(reply.length);
        this.#end({ type: "connected", bound: reply.value, rest });
        return false;
      }
      case "http": {
        const length = decodeConnectAnswer(data);
        if (length === undefined) return false;
        const rest = data.subarray(length);
        this.#end({ type: "connected", bound: undefined, rest });
        return false;
      }
      case "over":
        return false;
    }
  }

  #chosen(version: number, method: number): boolean {
    const { login } = this.#proxy;
    if (version !== 5) {
      throw new ProxyError("bad-answer", "The proxy does not speak SOCKS 5");
    }
    if (method === 2 && login !== undefined) {
      this.#send(encodeSocksLogin(login));
      this.#state = "login";
    } else if (method === 0) this.#ask();
    else {
      throw new ProxyError(
        "login-refused",
        login === undefined
          ? "The proxy requires a user name and password"
          : "The proxy does not accept a user name and password",
      );
    }
    return true;
  }

  #loggedIn(status: number): boolean {
    if (status !== 0) {
      throw new ProxyError(
        "login-refused",
        "The proxy rejected the user name or password",
      );
    }
    this.#ask();
    return true;
  }

  #ask(): void {
    this.#send(this.#request);
    this.#state = "reply";
  }
}

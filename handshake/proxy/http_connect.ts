/**
 * HTTP CONNECT (RFC 9110).
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import {
  encodeText,
  fromByteString,
  toByteString,
} from "../../_shared/bytes.ts";
import { type Proxy, ProxyError, targetBytes } from "../proxy.ts";

/** Longest head of an answer, in bytes. */
export const MAX_HEAD = 16_384;

/** The request for a connection. */
export function encodeConnect(
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

/**
 * An HTTP exchange with a gateway: the request as old routers like it, and what
 * comes of it.
 *
 * @module
 */
import { concatBytes, encodeText } from "../../_shared/bytes.ts";

/** A request. */
export interface HttpRequest {
  /** Absolute `http:` URL. */
  readonly url: string;
  /** Header lines beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent by POST; without a body it is a GET. */
  readonly body?: string;
}

/** An answer. */
export interface HttpResponse {
  /** Status, such as 200. */
  readonly status: number;
  /** The body, whole. */
  readonly body: Uint8Array;
}

/** Why there is no answer. */
export interface HttpFault {
  /** One line. */
  readonly error: string;
}

/** Encodes a request that asks for the end of the connection. */
export function encodeHttpRequest(
  { url, headers = {}, body }: HttpRequest,
): Uint8Array<ArrayBuffer> {
  const { host, pathname, search } = new URL(url);
  const content = encodeText(body ?? "");
  const lines = [
    `${body === undefined ? "GET" : "POST"} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: bip UPnP/1.1",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${content.length}`]),
    "Connection: close",
    "",
    "",
  ];
  return concatBytes([encodeText(lines.join("\r\n")), content]);
}

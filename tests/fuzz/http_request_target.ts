import { encodeText } from "../../_shared/bytes.ts";
import {
  HttpRequestError,
  HttpRequestReader,
} from "../../tracker/http_request.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** What a reader makes of bytes that come so many at a time. */
function readAll(input: Uint8Array, step: number): string {
  const reader = new HttpRequestReader();
  const seen: unknown[] = [];
  try {
    for (let at = 0; at < input.length;) {
      const room = reader.room();
      const part = input.subarray(at, at + Math.min(step, room.length));
      room.set(part);
      reader.advance(part.length);
      at += part.length;
      for (let next = reader.next(); next; next = reader.next()) {
        if (!next.target.startsWith("/")) {
          throw new Error("Broken promise: target");
        }
        seen.push(next);
        if (!next.keepAlive || next.bodyLength !== 0) {
          return JSON.stringify(seen);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof HttpRequestError)) throw error;
    seen.push(error.status);
  }
  return JSON.stringify(seen);
}

/** Requests as our HTTP servers read them, whole and in pieces. */
export const fuzzTarget: FuzzTarget = {
  name: "http_request",
  seeds: () => [
    encodeText("GET /announce?a=%00&b HTTP/1.1\r\nHost: x\r\nA-B: c\r\n\r\n"),
    encodeText(
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD / HTTP/1.1\n\n",
    ),
    encodeText("POST http://x/y HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
    encodeText("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  ],
  run(input) {
    const whole = readAll(input, Infinity);
    for (const step of [1, 7]) {
      if (readAll(input, step) !== whole) {
        throw new Error("Broken promise: the same however it is cut");
      }
    }
  },
};

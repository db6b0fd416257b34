import { concatBytes, fromByteString, toHex } from "../../_shared/bytes.ts";
import {
  HttpResponseDecoder,
  HttpResponseError,
} from "../../_shared/http/http_response.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** What comes of an answer that arrives so many bytes at a time. */
function outcome(input: Uint8Array, step: number): string {
  const decoder = new HttpResponseDecoder();
  const body: Uint8Array[] = [];
  let end = "done";
  try {
    for (let at = 0; at < input.length; at += step) {
      const parts = decoder.push(input.subarray(at, at + step));
      if (parts.some((part) => part.length === 0)) {
        throw new Error("Broken promise: no part is empty");
      }
      body.push(...parts.map((part) => part.slice()));
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof HttpResponseError)) throw error;
    end = error.code;
  }
  const { head } = decoder;
  if (head !== undefined) {
    // What is read must be what a Response takes.
    new Response(null, {
      status: head.status,
      headers: head.fields.map((
        [name, value],
      ): [string, string] => [name, value]),
    });
  }
  // Of one that fails, more or less has come by then.
  const whole = end === "done" || end === "cut-off";
  return `${end} ${JSON.stringify(head)} ${
    whole ? toHex(concatBytes(body)) : ""
  }`;
}

/** Answers of HTTP servers. */
export const fuzzTarget: FuzzTarget = {
  name: "http-response",
  seeds: () =>
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nhi",
      "HTTP/1.0 404 No\nServer: x\n\nuntil the end",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nhi",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\nA\r\n0123456789\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
    ].map(fromByteString),
  run(input) {
    const whole = outcome(input, Math.max(1, input.length));
    for (const step of [1, 7]) {
      if (outcome(input, step) !== whole) {
        throw new Error("Broken promise: pieces do not matter");
      }
    }
  },
};

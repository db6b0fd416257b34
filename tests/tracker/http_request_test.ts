import { assertEquals, assertThrows } from "@std/assert";
import { fromByteString, toByteString } from "../../_shared/bytes.ts";
import {
  type HttpRequest,
  HttpRequestError,
  HttpRequestReader,
  MAX_HTTP_HEAD,
} from "../../tracker/http_request.ts";

const permissions = "none";

function put(reader: HttpRequestReader, text: string): void {
  const bytes = fromByteString(text);
  for (let at = 0; at < bytes.length;) {
    const room = reader.room();
    const part = bytes.subarray(at, at + room.length);
    room.set(part);
    reader.advance(part.length);
    at += part.length;
  }
}

/** All requests of a text, given so many bytes at a time. */
function read(text: string, step = text.length): HttpRequest[] {
  const reader = new HttpRequestReader();
  const requests: HttpRequest[] = [];
  for (let at = 0; at < text.length; at += step) {
    put(reader, text.slice(at, at + step));
    for (let next = reader.next(); next; next = reader.next()) {
      requests.push(next);
    }
  }
  return requests;
}

const TWO = "GET /a?b=%ff HTTP/1.1\r\nHost: x\r\nX-Y:  z \r\n\r\n" +
  "\r\nHEAD /\xff HTTP/1.0\nConnection: Keep-Alive\n\n";

Deno.test({
  name: "requests are read however they are cut, and without a rest",
  permissions,
  fn() {
    const both: HttpRequest[] = [
      {
        method: "GET",
        target: "/a?b=%ff",
        headers: [["host", "x"], ["x-y", "z"]],
        keepAlive: true,
        bodyLength: 0,
      },
      {
        method: "HEAD",
        target: "/\xff",
        headers: [["connection", "Keep-Alive"]],
        keepAlive: true,
        bodyLength: 0,
      },
    ];
    for (let step = 1; step <= TWO.length; step++) {
      assertEquals(read(TWO, step), both);
    }
    for (let length = 0; length < TWO.length; length++) {
      const count = length < TWO.indexOf("\r\n\r\n") + 4 ? 0 : 1;
      assertEquals(read(TWO.slice(0, length)).length, count);
    }
    const reader = new HttpRequestReader();
    put(reader, "GET / HTTP/1.1\r\n\r\n");
    reader.next();
    assertEquals(reader.isEmpty, true);
    put(reader, "G");
    assertEquals([reader.next(), reader.isEmpty], [undefined, false]);
  },
});

Deno.test({
  name: "a request says whether a connection goes on, and how long its body is",
  permissions,
  fn() {
    const rows: [string, boolean, number | undefined][] = [
      ["HTTP/1.1\r\n", true, 0],
      ["HTTP/1.0\r\n", false, 0],
      ["HTTP/1.1\r\nConnection: x, Close\r\n", false, 0],
      ["HTTP/1.1\r\nContent-Length: 0\r\n", true, 0],
      ["HTTP/1.1\r\nContent-Length: 5\r\n", true, 5],
      ["HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n", true, 5],
      ["HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", true, undefined],
      ["HTTP/1.1\r\nTransfer-Encoding: identity\r\n", true, undefined],
    ];
    for (const [rest, keepAlive, bodyLength] of rows) {
      const [request] = read(`GET / ${rest}\r\n`);
      assertEquals([request!.keepAlive, request!.bodyLength], [
        keepAlive,
        bodyLength,
      ], rest);
    }
    const [proxied] = read("GET http://x.example?q HTTP/1.1\r\n\r\n");
    assertEquals(proxied!.target, "/?q");
  },
});

Deno.test({
  name: "what is no request, or smuggles one, is refused",
  permissions,
  fn() {
    const rows: [string, number][] = [
      ["GET /\r\n", 400],
      ["GET / a HTTP/1.1\r\n", 400],
      ["G\x00T / HTTP/1.1\r\n", 400],
      ["GET x HTTP/1.1\r\n", 400],
      ["GET / HTTP/1.1\r\nno header\r\n", 400],
      ["GET / HTTP/1.1\r\nContent-Length : 5\r\n", 400],
      ["GET / HTTP/1.1\r\nA: b\r\n folded\r\n", 400],
      ["GET / HTTP/1.1\r\nA: b\rC: d\r\n", 400],
      ["GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400],
      ["GET / HTTP/1.1\r\nContent-Length: +5\r\n", 400],
      [
        "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        400,
      ],
      ["PRI * HTTP/2.0\r\n", 505],
      ["GET / HTTP/1.10\r\n", 505],
    ];
    for (const [text, status] of rows) {
      const error = assertThrows(() => read(`${text}\r\n`), HttpRequestError);
      assertEquals(error.status, status, text);
    }
  },
});

Deno.test({
  name: "a head may have 16 KiB and not one byte more",
  permissions,
  fn() {
    const head = (length: number) => {
      const start = "GET /";
      const end = " HTTP/1.1\r\n\r\n";
      return start + "x".repeat(length - start.length - end.length) + end;
    };
    assertEquals(read(head(MAX_HTTP_HEAD)).length, 1);
    for (const step of [MAX_HTTP_HEAD + 1, 100]) {
      assertEquals(
        assertThrows(
          () => read("x".repeat(MAX_HTTP_HEAD), step),
          HttpRequestError,
        ).message,
        "The request's head is longer than 16384 bytes",
      );
    }
    const error = assertThrows(
      () => read(head(MAX_HTTP_HEAD + 1), MAX_HTTP_HEAD),
      HttpRequestError,
    );
    assertEquals(error.code, "too-long");
  },
});

Deno.test({
  name: "a body is taken out of what was read, and no more of it",
  permissions,
  fn() {
    const reader = new HttpRequestReader();
    put(reader, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcdGET /");
    assertEquals(reader.next()!.bodyLength, 4);
    const body = new Uint8Array(4);
    assertEquals(reader.take(body.subarray(0, 1)), 1);
    assertEquals(reader.take(body.subarray(1)), 3);
    assertEquals(toByteString(body), "abcd");
    put(reader, "x HTTP/1.1\r\n\r\n");
    assertEquals(reader.next()!.target, "/x");
    assertEquals(reader.take(body), 0);
  },
});

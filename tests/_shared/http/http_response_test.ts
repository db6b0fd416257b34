import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  concatBytes,
  decodeTextLossy,
  fromByteString,
} from "../../../_shared/bytes.ts";
import {
  HttpResponseDecoder,
  HttpResponseError,
} from "../../../_shared/http/http_response.ts";

const none = { permissions: "none" } as const;
const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** Status and body of an answer that comes so many bytes at a time. */
function read(text: string, step = text.length): [number, string] {
  const decoder = new HttpResponseDecoder();
  const bytes = fromByteString(text);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    parts.push(...decoder.push(bytes.subarray(at, at + step)));
  }
  decoder.end();
  assert(decoder.done);
  return [decoder.head!.status, decodeTextLossy(concatBytes(parts))];
}

/** Code of what is wrong with an answer, in one piece and in single bytes. */
function codeOf(text: string): string {
  const whole = assertThrows(() => read(text), HttpResponseError);
  const split = assertThrows(() => read(text, 1), HttpResponseError);
  assertEquals(whole.code, split.code);
  return whole.code;
}

const GOOD: readonly (readonly [string, number, string])[] = [
  [`${OK}Content-Length: 2\r\n\r\nhi, and more`, 200, "hi"],
  [`${OK}Content-Length: 2, 2\r\ncontent-length:2\r\n\r\nhi`, 200, "hi"],
  [`${OK}Content-Length: 0\r\n\r\n`, 200, ""],
  [`${OK}\r\nuntil the end`, 200, "until the end"],
  [`${OK}\r\n`, 200, ""],
  ["HTTP/1.0 404\nA: b\n\nhi", 404, "hi"],
  ["HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n", 204, ""],
  ["HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", 304, ""],
  [
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nContent-Length: 7\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    200,
    "x",
  ],
  [
    `${CHUNKED}2;x=y\r\nhi\r\nA \r\n0123456789\r\n0\r\n\r\n`,
    200,
    "hi0123456789",
  ],
  [`${CHUNKED}02\nhi\n00;z\nExpires: now\n\n`, 200, "hi"],
  [
    `${OK}Content-Length: 9\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`,
    200,
    "",
  ],
];

Deno.test(
  "HttpResponseDecoder reads answers, whole and in pieces",
  none,
  () => {
    for (const [text, status, body] of GOOD) {
      for (const step of [text.length, 1, 2, 5]) {
        assertEquals(read(text, step), [status, body], text);
      }
    }
  },
);

Deno.test("HttpResponseDecoder gives the fields as they came", none, () => {
  const decoder = new HttpResponseDecoder();
  const text =
    `${OK}Set-Cookie: a\r\nset-cookie:\tb \r\nX-Y!:\r\nZ: \xe4:\r\n\r\n`;
  assertEquals(decoder.push(fromByteString(text)), []);
  assertEquals(decoder.head, {
    status: 200,
    fields: [["set-cookie", "a"], ["set-cookie", "b"], ["x-y!", ""], [
      "z",
      "\xe4:",
    ]],
  });
});

Deno.test("HttpResponseDecoder: every prefix is cut off", none, () => {
  for (const [text, , body] of GOOD) {
    const end = text.indexOf("more") < 0 ? text.length : text.indexOf(",");
    // What lasts until the end may end anywhere behind its head.
    const isEndless = !/(length|encoding|HTTP\/1.1 204)/i.test(text);
    const stop = isEndless ? end - body.length : end;
    for (let length = 0; length < stop; length++) {
      const error = assertThrows(
        () => read(text.slice(0, length)),
        HttpResponseError,
      );
      assertEquals(error.code, "cut-off", text.slice(0, length));
    }
  }
});

Deno.test("HttpResponseDecoder refuses what is no answer", none, () => {
  for (
    const [text, code] of [
      ["SSH-2.0-x\r\n", "bad-head"],
      ["HTTP/2 200\r\n\r\n", "bad-head"],
      ["HTTP/1.1 600 x\r\n\r\n", "bad-head"],
      ["HTTP/1.1 099 x\r\n\r\n", "bad-head"],
      ["HTTP/1.1 2000\r\n\r\n", "bad-head"],
      ["HTTP/1.1 101 Switching\r\n\r\n", "bad-head"],
      ["\r\nHTTP/1.1 200 OK\r\n\r\n", "bad-head"],
      [`${OK}no colon\r\n\r\n`, "bad-head"],
      [`${OK}A: b\r\n folded\r\n\r\n`, "bad-head"],
      [`${OK}A : b\r\n\r\n`, "bad-head"],
      [`${OK}A: b\rc\r\n\r\n`, "bad-head"],
      [`${OK}A: \0\r\n\r\n`, "bad-head"],
      [`${OK}A: \x7f\r\n\r\n`, "bad-head"],
      [`${OK}Content-Length: -1\r\n\r\n`, "bad-body"],
      [`${OK}Content-Length: 1e3\r\n\r\n`, "bad-body"],
      [`${OK}Content-Length: \r\n\r\n`, "bad-body"],
      [`${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, "bad-body"],
      [`${OK}Content-Length: 1234567890123456\r\n\r\n`, "bad-body"],
      [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, "bad-body"],
      [`${OK}Transfer-Encoding: identity\r\n\r\n`, "bad-body"],
      ["HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n\r\n", "bad-body"],
      [`${CHUNKED}x\r\n`, "bad-body"],
      [`${CHUNKED}\r\n`, "bad-body"],
      [`${CHUNKED}-1\r\n`, "bad-body"],
      [`${CHUNKED}12345678901234\r\n`, "bad-body"],
      [`${CHUNKED}1\r\nhi\r\n`, "bad-body"],
      [`${CHUNKED}0\r\nno colon\r\n\r\n`, "bad-head"],
    ] as const
  ) assertEquals(codeOf(text), code, text);
});

Deno.test(
  "HttpResponseDecoder: heads, chunk lines and trailers have an end",
  none,
  () => {
    const line = (length: number) => `A: ${"b".repeat(length - 5)}\r\n`;
    const most = 16_384 - OK.length - 2;
    assertEquals(read(`${OK}${line(most)}\r\nx`, 999), [200, "x"]);
    assertEquals(codeOf(`${OK}${line(most + 1)}\r\nx`), "too-long");
    assertEquals(codeOf(OK + "A: b\r\n".repeat(3000)), "too-long");
    assertEquals(codeOf("H".repeat(16_385)), "too-long");
    assertEquals(
      codeOf("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)),
      "too-long",
    );
    const chunk = (length: number) =>
      `${CHUNKED}1;${"x".repeat(length - 4)}\r\nz\r\n0\r\n\r\n`;
    assertEquals(read(chunk(256)), [200, "z"]);
    assertEquals(codeOf(chunk(257)), "too-long");
    const trailer = `${CHUNKED}0\r\n`;
    const left = 16_384 - CHUNKED.length - 2;
    assertEquals(read(`${trailer}${line(left)}\r\n`), [200, ""]);
    assertEquals(codeOf(`${trailer}${line(left + 1)}\r\n`), "too-long");
  },
);

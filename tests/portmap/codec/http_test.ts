import { assertEquals } from "@std/assert";
import { decodeTextLossy, encodeText } from "../../../_shared/bytes.ts";
import {
  encodeHttpRequest,
  HttpResponseReader,
} from "../../../portmap/codec/http.ts";

const none = { permissions: "none" } as const;
const MAX_BODY = 65_536;

/** Reads text, so many bytes at a time, and then the end. */
function read(text: string, step = text.length): unknown {
  const reader = new HttpResponseReader();
  const bytes = encodeText(text);
  for (let at = 0; at < bytes.length; at += step) {
    const result = reader.push(bytes.subarray(at, at + step));
    if (result !== undefined) return shown(result);
  }
  return shown(reader.end());
}

function shown(result: ReturnType<HttpResponseReader["end"]>): unknown {
  return "error" in result
    ? result.error
    : [result.status, decodeTextLossy(result.body)];
}

Deno.test("HTTP - requests", none, () => {
  assertEquals(
    decodeTextLossy(encodeHttpRequest({ url: "http://10.0.0.1:5000/a?b" })),
    "GET /a?b HTTP/1.1\r\nHost: 10.0.0.1:5000\r\nUser-Agent: bip UPnP/1.1\r\n" +
      "Connection: close\r\n\r\n",
  );
  const post = decodeTextLossy(encodeHttpRequest({
    url: "http://10.0.0.1/c",
    headers: { SOAPAction: '"x"' },
    body: "h\u00e9",
  }));
  assertEquals(
    post,
    "POST /c HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: bip UPnP/1.1\r\n" +
      'SOAPAction: "x"\r\nContent-Length: 3\r\nConnection: close\r\n\r\nh\u00e9',
  );
});

Deno.test("HTTP - answers, whole and byte by byte", none, () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const cases: [string, unknown][] = [
    [`${head}Content-Length: 2\r\n\r\nhi...`, [200, "hi"]],
    [`${head}\r\nhi`, [200, "hi"]],
    ["HTTP/1.0 500\nContent-Length: 0\n\n", [500, ""]],
    [
      `${head}Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n` +
      "2;x=y\r\nhi\r\nA\r\n0123456789\r\n0\r\n\r\n",
      [200, "hi0123456789"],
    ],
  ];
  for (const [text, expected] of cases) {
    assertEquals(read(text), expected);
    assertEquals(read(text, 1), expected);
  }
});

Deno.test("HTTP - what is cut off, packed or no answer", none, () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  for (
    const [text, why] of [
      ["", "The answer is cut off"],
      [head, "The answer is cut off"],
      [`${head}Content-Length: 3\r\n\r\nhi`, "The answer is cut off"],
      [`${chunked}2\r\nhi\r\n`, "The answer is cut off"],
      [`${chunked}x\r\n`, "A chunk has no length"],
      ["SSH-2.0\r\n\r\n", "The answer is no HTTP"],
      [`${head}Content-Encoding: gzip\r\n\r\n`, "The answer is packed"],
      [`${head}Transfer-Encoding: gzip\r\n\r\n`, "The answer is packed"],
      [`${head}Content-Length: -1\r\n\r\n`, "A length is no number"],
    ] as const
  ) assertEquals(read(text), why, text);
});

Deno.test("HTTP - heads, bodies and chunks have an end", none, () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const tooLong = "The answer is too long";
  const body = "x".repeat(MAX_BODY);
  assertEquals(read(`${head}\r\n${body}`), [200, body]);
  assertEquals(read(`${head}\r\n${body}x`), tooLong);
  const long = `Content-Length: ${MAX_BODY + 1}\r\n\r\n`;
  assertEquals(read(head + long), tooLong);
  assertEquals(read(head + "A: b\r\n".repeat(2000), 100), tooLong);
  assertEquals(read(`${head}A: ${"b".repeat(9000)}`), tooLong);
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  assertEquals(read(`${chunked}10001\r\n`), tooLong);
  assertEquals(read(`${chunked}${"1".repeat(300)}`), tooLong);
  assertEquals(read(chunked + "1\r\nx\r\n".repeat(40_000), 4096), tooLong);
});

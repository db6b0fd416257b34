import { assertEquals, assertRejects } from "@std/assert";
import type { ByteConnection } from "../../../_shared/byte_conn.ts";
import { decodeTextLossy, encodeText } from "../../../_shared/bytes.ts";
import {
  encodeHead,
  HttpConnection,
  HttpExchange,
  type HttpRequest,
} from "../../../_shared/http/exchange.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "encodeHead() writes what it is told and nothing of its own",
  none,
  () => {
    const url = new URL("https://u:p@h.example:444/a b?x=%00\u00e4#frag");
    const headers = new Headers({
      "user-agent": "",
      accept: "*/*",
      Range: "bytes=0-1",
    });
    const request = { method: "GET", url, headers, keepsAlive: false };
    assertEquals(
      decodeTextLossy(encodeHead(request)),
      "GET /a%20b?x=%00%C3%A4 HTTP/1.1\r\nhost: h.example:444\r\n" +
        "accept: */*\r\nrange: bytes=0-1\r\nconnection: close\r\n\r\n",
    );
    const put = {
      ...request,
      method: "PUT",
      headers: new Headers(),
      body: new Uint8Array(7),
      keepsAlive: true,
    };
    assertEquals(
      decodeTextLossy(encodeHead(put)).split("\r\n").slice(1),
      ["host: h.example:444", "content-length: 7", "", ""],
    );
    // The name of the address that the URL has.
    headers.set("host", "name.example");
    const text = decodeTextLossy(encodeHead(request));
    assertEquals(text.match(/^host: .*$/gm), ["host: name.example"]);
  },
);

const GET: HttpRequest = {
  method: "GET",
  url: new URL("http://a/"),
  headers: new Headers(),
  keepsAlive: true,
};

/** An exchange with a server that sends these parts, then ends. */
function setUp(...parts: string[]) {
  const sent: string[] = [];
  const waiting = parts.map(encodeText);
  const state = { closes: 0, ends: [] as boolean[] };
  const connection = {
    read(buffer: Uint8Array) {
      const part = waiting.shift();
      if (part === undefined) return Promise.resolve(null);
      const taken = part.subarray(0, buffer.length);
      if (taken.length < part.length) {
        waiting.unshift(part.subarray(taken.length));
      }
      buffer.set(taken);
      return Promise.resolve(taken.length);
    },
    write(data: Uint8Array) {
      sent.push(decodeTextLossy(data));
      return Promise.resolve(data.length);
    },
    close: () => void state.closes++,
  } as unknown as ByteConnection;
  const exchange = new HttpExchange(
    new HttpConnection(connection),
    "GET",
    (isReusable) => void state.ends.push(isReusable),
  );
  return { exchange, sent, state };
}

Deno.test(
  "HttpExchange reads the head, then the body to its end",
  none,
  async () => {
    for (
      const [head, ...body] of [
        ["content-length: 5\r\n\r\n", "he", "llo"],
        ["\r\n", "hello"],
        [
          "transfer-encoding: chunked\r\n\r\n",
          "2\r\nhe\r\n3\r\nl",
          "lo\r\n0\r\n\r\n",
        ],
      ] as const
    ) {
      const { exchange, sent, state } = setUp(
        "HTTP/1.1 200 OK\r\n",
        head,
        ...body,
      );
      const { status } = await exchange.ask(GET);
      assertEquals([status, sent], [200, [decodeTextLossy(encodeHead(GET))]]);
      const text = await new Response(exchange.body(false)).text();
      assertEquals(text, "hello", head);
      exchange.close();
      // What is read to its known end leaves a connection for the next one.
      const isReusable = head !== "\r\n";
      assertEquals([state.closes, state.ends], [isReusable ? 0 : 1, [
        isReusable,
      ]]);
    }
  },
);

Deno.test(
  "HttpExchange gives readers with buffers of their own what fits",
  none,
  async () => {
    const { exchange } = setUp("HTTP/1.1 200 OK\r\n\r\n", "hello");
    await exchange.ask(GET);
    const reader = exchange.body(false).getReader({ mode: "byob" });
    const parts: string[] = [];
    for (let done = false; !done;) {
      const result = await reader.read(new Uint8Array(2));
      if (result.value?.length) parts.push(decodeTextLossy(result.value));
      done = result.done;
    }
    assertEquals(parts, ["he", "ll", "o"]);
  },
);

Deno.test(
  "HttpExchange ends with what is cut short, or no answer at all",
  none,
  async () => {
    const cut = setUp("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "he");
    await cut.exchange.ask(GET);
    await assertRejects(() => new Response(cut.exchange.body(false)).text());
    assertEquals(cut.state.ends, [false]);
    for (const parts of [[], ["HTTP/1.1 200"]]) {
      const { exchange, state } = setUp(...parts);
      await assertRejects(() => exchange.ask(GET));
      assertEquals([state.closes, state.ends], [1, [false]]);
    }
    const { exchange, state } = setUp("HTTP/1.1 200 OK\r\n\r\n", "hello");
    await exchange.ask(GET);
    await exchange.body(false).cancel();
    assertEquals(state.ends, [false]);
  },
);

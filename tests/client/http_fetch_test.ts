import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { tcpTransport } from "../../_shared/byte_conn.ts";
import { HttpFetch } from "../../client/http_fetch.ts";
import { parseProxyUrl, proxyTransport } from "../../handshake/mod.ts";
import { SocksProxy } from "../support/socks_proxy.ts";
import { SimClock } from "../support/sim_clock.ts";

const loopback = { permissions: { net: ["127.0.0.1", "0.0.0.0"] } };

/** A server on loopback that answers each connection with these bytes. */
class RawServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #loop: Promise<void>;
  /** What it was asked, head by head. */
  readonly requests: string[] = [];
  /** Connections that the other side has ended. */
  readonly ended: Promise<void>[] = [];

  constructor(answer: (conn: Deno.Conn) => Promise<void>) {
    this.#loop = this.#accept(answer);
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}/`;
  }
  async #accept(answer: (conn: Deno.Conn) => Promise<void>): Promise<void> {
    const tasks: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.ended.push(promise);
      tasks.push((async () => {
        using _conn = conn;
        const buffer = new Uint8Array(65_536);
        const count = await conn.read(buffer);
        this.requests.push(
          new TextDecoder().decode(buffer.subarray(0, count ?? 0)),
        );
        await answer(conn).catch(() => {});
        await conn.closeWrite().catch(() => {});
        while (await conn.read(buffer).catch(() => null) !== null);
        resolve();
      })());
    }
    await Promise.all(tasks);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#loop;
  }
}

function says(...texts: (string | Uint8Array)[]) {
  return async (conn: Deno.Conn) => {
    for (const text of texts) {
      const data = typeof text === "string"
        ? new TextEncoder().encode(text)
        : text;
      for (let at = 0; at < data.length;) {
        at += await conn.write(data.subarray(at));
      }
    }
  };
}

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test(
  "HttpFetch asks by name through a proxy, which resolves it",
  loopback,
  async () => {
    await using socks = new SocksProxy({ login: "user:pass" });
    await using server = new RawServer(
      says(`${OK}Content-Length: 2\r\n\r\nhi`),
    );
    const { port } = new URL(server.url);
    using http = new HttpFetch(
      proxyTransport(parseProxyUrl(socks.url), tcpTransport),
    );
    const url = `http://a%3A:b@web.example:${port}/x?y#z`;
    const response = await http.fetch(url, { headers: { "user-agent": "" } });
    assertEquals(await response.text(), "hi");
    assertEquals(socks.requests, [`connect web.example:${port}`]);
    const [request] = server.requests;
    assertStringIncludes(request!, "GET /x?y HTTP/1.1\r\n");
    assertStringIncludes(request!, `host: web.example:${port}\r\n`);
    assertStringIncludes(request!, `authorization: Basic ${btoa("a::b")}\r\n`);
    assertEquals(request!.includes("user-agent"), false);
    await server.ended[0];
  },
);

Deno.test(
  "HttpFetch gives statuses, fields and bodies as fetch does",
  loopback,
  async () => {
    for (
      const [answer, status, text] of [
        [`${OK}A: b\r\na: c\r\n\r\nuntil the end`, 200, "until the end"],
        [
          `${OK}a: b, c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
          200,
          "hi",
        ],
        [
          "HTTP/1.1 302 x\r\nLocation: http://10.0.0.1/\r\na: b, c\r\n\r\n",
          302,
          "",
        ],
        ["HTTP/1.1 204 x\r\na: b, c\r\n\r\n", 204, ""],
        ["HTTP/1.1 404 x\r\na: b, c\r\nContent-Length: 1\r\n\r\nx", 404, "x"],
      ] as const
    ) {
      await using server = new RawServer(says(answer));
      using http = new HttpFetch(tcpTransport);
      const response = await http.fetch(server.url);
      assertEquals(response.status, status);
      assertEquals(response.headers.get("a"), "b, c");
      assertEquals(await response.text(), text);
      assertEquals(server.requests.length, 1);
      await server.ended[0];
    }
  },
);

Deno.test(
  "HttpFetch unpacks gzip, unless the caller says what may come",
  loopback,
  async () => {
    const packed = new Uint8Array(
      await new Response(
        new Blob(["text ".repeat(10_000)]).stream().pipeThrough(
          new CompressionStream("gzip"),
        ),
      ).arrayBuffer(),
    );
    await using server = new RawServer(
      says(
        `${OK}Content-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`,
        packed,
      ),
    );
    using http = new HttpFetch(tcpTransport);
    const response = await http.fetch(new Request(server.url));
    assertEquals(response.headers.get("content-length"), null);
    assertEquals(response.headers.get("content-encoding"), null);
    assertEquals((await response.text()).length, 50_000);
    assertStringIncludes(server.requests[0]!, "accept-encoding: gzip\r\n");
    const headers = { "accept-encoding": "identity" };
    const plain = await http.fetch(server.url, { headers });
    assertEquals(plain.headers.get("content-encoding"), "gzip");
    assertEquals(await plain.bytes(), packed);
  },
);

Deno.test(
  "HttpFetch reads no more than is asked for, into the caller's buffer",
  loopback,
  async () => {
    const body = new Uint8Array(500_000).map((_, at) => at % 251);
    await using server = new RawServer(
      says(`${OK}Content-Length: ${body.length}\r\n\r\n`, body),
    );
    using http = new HttpFetch(tcpTransport);
    const response = await http.fetch(server.url);
    const reader = response.body!.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(1000);
    let at = 0;
    while (true) {
      const { done, value } = await reader.read(new Uint8Array(buffer, 0, 777));
      if (done) break;
      assert(value.every((byte, i) => byte === (at + i) % 251));
      at += value.length;
      buffer = value.buffer;
    }
    assertEquals(at, body.length);
    await server.ended[0];
  },
);

Deno.test(
  "HttpFetch: cut off, no HTTP, other methods and schemes",
  loopback,
  async () => {
    await using server = new RawServer(
      says(`${OK}Content-Length: 3\r\n\r\nhi`),
    );
    await using other = new RawServer(says("SSH-2.0-x\r\n"));
    using http = new HttpFetch(tcpTransport);
    const response = await http.fetch(server.url);
    await assertRejects(() => response.text(), Error, "cut off");
    await server.ended[0];
    const secret = other.url.replace("//", "//u:secret@") + "secret?secret";
    const error = await assertRejects(() => http.fetch(secret), TypeError);
    assertStringIncludes(error.message, "The answer is no HTTP");
    assertEquals(error.message.includes("secret"), false);
    await other.ended[0];
    for (
      const [url, init] of [
        ["ftp://127.0.0.1/", {}],
        [other.url, { method: "POST" }],
        [new Request(other.url, { method: "HEAD" }), {}],
      ] as const
    ) await assertRejects(() => http.fetch(url, init), TypeError, "Only GET");
    assertEquals(other.requests.length, 1);
  },
);

Deno.test(
  "HttpFetch ends with the signal, when cancelled and when closed",
  loopback,
  async () => {
    const silent = new Promise<void>(() => {});
    await using server = new RawServer(async (conn) => {
      await says(`${OK}\r\nhi`)(conn);
      await Promise.race([silent, conn.read(new Uint8Array(1))]);
    });
    await using mute = new RawServer(async (conn) => {
      await conn.read(new Uint8Array(1));
    });
    using http = new HttpFetch(tcpTransport);
    const enough = new Error("enough");
    const before = AbortSignal.abort(enough);
    await assertRejects(
      () => http.fetch(server.url, { signal: before }),
      Error,
      "enough",
    );
    // While the head is waited for.
    const stop = new AbortController();
    const asked = http.fetch(mute.url, { signal: stop.signal });
    while (mute.requests.length === 0) {
      await new Promise((next) => setTimeout(next));
    }
    stop.abort(enough);
    await assertRejects(() => asked, Error, "enough");
    await mute.ended[0];
    // While the body is read.
    const reading = new AbortController();
    const { body } = await http.fetch(server.url, { signal: reading.signal });
    const reader = body!.getReader();
    await reader.read();
    const more = reader.read();
    reading.abort(enough);
    await assertRejects(() => more);
    await server.ended[0];
    // When nobody wants it.
    await (await http.fetch(server.url)).body!.cancel();
    await server.ended[1];
    // When all is over, read or not.
    await http.fetch(server.url);
    http.close();
    await server.ended[2];
    await assertRejects(() => http.fetch(server.url), Error, "closed");
  },
);

Deno.test(
  "HttpFetch waits a minute for a head, however slowly it comes",
  loopback,
  async () => {
    const clock = new SimClock();
    await using server = new RawServer(async (conn) => {
      await says(OK)(conn);
      await conn.read(new Uint8Array(1));
    });
    using http = new HttpFetch(tcpTransport, clock);
    const asked = http.fetch(server.url);
    asked.catch(() => {});
    while (server.requests.length === 0) {
      await new Promise((next) => setTimeout(next));
    }
    await clock.advance(60_000);
    const error = await assertRejects(() => asked, DOMException);
    assertEquals(error.name, "TimeoutError");
    await server.ended[0];
  },
);

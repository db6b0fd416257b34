import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { tcpTransport } from "../../../_shared/byte_conn.ts";
import { HttpFetch } from "../../../_shared/http/http_fetch.ts";
import { parseProxyUrl, proxyTransport } from "../../../handshake/mod.ts";
import { SocksProxy } from "../../support/socks_proxy.ts";
import { SimClock } from "../../support/sim_clock.ts";

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
  "HttpFetch: cut off, no HTTP, other bodies and schemes",
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
    assertStringIncludes(error.message, "The answer is not HTTP");
    assertEquals(error.message.includes("secret"), false);
    await other.ended[0];
    for (
      const [url, init] of [
        ["ftp://127.0.0.1/", {}],
        [other.url, { method: "POST", body: "text" }],
        [new Request(other.url, { method: "PUT", body: "text" }), {}],
      ] as const
    ) await assertRejects(() => http.fetch(url, init), TypeError, "Only bytes");
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
    using http = new HttpFetch(tcpTransport, { clock });
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

/** Reads one request whole; `undefined` at the end of the connection. */
async function readRequest(
  conn: Deno.Conn,
  start = "",
): Promise<string | undefined> {
  const buffer = new Uint8Array(65_536);
  for (let text = start;;) {
    const [head, body] = text.split("\r\n\r\n", 2);
    const length = Number(/content-length: (\d+)/.exec(head!)?.[1] ?? 0);
    if (body !== undefined && body.length >= length) return text;
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return undefined;
    text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
}

/**
 * A server that answers so many requests on a connection as it has answers, and
 * then hears of one more; `seen` has each with the number of its connection.
 */
function keepingServer(...answers: (string | undefined)[]) {
  const seen: [connection: number, request: string][] = [];
  let connections = 0;
  let left = answers;
  const server: RawServer = new RawServer(async (conn) => {
    const connection = connections++;
    let request = await readRequest(conn, server.requests[connection]);
    while (request !== undefined) {
      seen.push([connection, request]);
      const [answer, ...rest] = left;
      left = rest;
      if (answer === undefined) return;
      await says(answer)(conn);
      request = await readRequest(conn);
    }
  });
  return { server, seen };
}

const HI = `${OK}Content-Length: 2\r\n\r\nhi`;

Deno.test(
  "HttpFetch sends bodies, and asks again on connections that it keeps",
  loopback,
  async () => {
    const { server, seen } = keepingServer(
      HI,
      `${OK}Content-Length: 9\r\n\r\n`,
      "HTTP/1.1 204 x\r\n\r\n",
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
      "HTTP/1.1 404 x\r\nContent-Length: 1\r\n\r\nx",
      HI,
    );
    await using _server = server;
    using http = new HttpFetch(tcpTransport, { maxIdle: 1 });
    const body = new Uint8Array(3_000_000).fill(0x61);
    const ask = async (method: string, body?: Uint8Array<ArrayBuffer>) =>
      await (await http.fetch(server.url, { method, body: body ?? null }))
        .text();
    assertEquals(await ask("PUT", body), "hi");
    assertEquals(await ask("HEAD"), "");
    assertEquals(await ask("DELETE"), "");
    assertEquals(await ask("GET"), "hi");
    assertEquals(await ask("GET"), "x");
    assertEquals(await ask("PUT"), "hi");
    assertEquals(seen.map(([connection]) => connection), [0, 0, 0, 0, 0, 0]);
    assertEquals(seen[0]![1].slice(-body.length), "a".repeat(body.length));
    assertStringIncludes(seen[5]![1], "content-length: 0\r\n");
    for (const [, text] of seen) {
      assertEquals(text.includes("connection: "), false);
    }
    // Nobody knows what would come of a POST on an old one.
    http.closeIdle();
    await server.ended[0];
  },
);

Deno.test(
  "HttpFetch asks once more where a connection was closed while it waited",
  loopback,
  async () => {
    const { server, seen } = keepingServer(HI, undefined, HI, undefined);
    await using _server = server;
    using http = new HttpFetch(tcpTransport, { maxIdle: 4 });
    const ask = async (method: string) =>
      await (await http.fetch(server.url, { method })).text();
    assertEquals(await ask("GET"), "hi");
    // The second is on the old connection in vain, then on another one.
    assertEquals(await ask("PUT"), "hi");
    assertEquals(seen.map(([connection]) => connection), [0, 0, 1]);
    // What must not be sent twice is not sent on an old one.
    await assertRejects(() => ask("POST"), TypeError, "cut off");
    assertEquals(seen.map(([connection]) => connection), [0, 0, 1, 2]);
    http.close();
    await server.ended[1];
  },
);

Deno.test(
  "HttpFetch does not repeat what was answered in part, or never",
  loopback,
  async () => {
    const { server, seen } = keepingServer(HI, "HTTP/1.1 20");
    await using _server = server;
    using http = new HttpFetch(tcpTransport, { maxIdle: 4 });
    assertEquals(await (await http.fetch(server.url)).text(), "hi");
    const half = http.fetch(server.url);
    half.catch(() => {});
    while (seen.length < 2) await new Promise((next) => setTimeout(next));
    http.close();
    await assertRejects(() => half, Error, "closed");
    assertEquals(seen.length, 2);
    await server.ended[0];
  },
);

for (
  const [what, answer] of [
    [
      "is to be closed",
      `${OK}Connection: x, Close\r\nContent-Length: 0\r\n\r\n`,
    ],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["had more than the answer", `${OK}Content-Length: 0\r\n\r\nHTTP/1.1`],
    [
      "had two lengths",
      `${OK}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
  ] as const
) {
  Deno.test(
    `HttpFetch does not keep a connection that ${what}`,
    loopback,
    async () => {
      const { server, seen } = keepingServer(answer, HI);
      await using _server = server;
      using http = new HttpFetch(tcpTransport, { maxIdle: 4 });
      assertEquals(await (await http.fetch(server.url)).text(), "");
      await server.ended[0];
      assertEquals(await (await http.fetch(server.url)).text(), "hi");
      assertEquals(seen.map(([connection]) => connection), [0, 1]);
      http.close();
      await server.ended[1];
    },
  );
}

Deno.test(
  "HttpFetch takes an answer that comes before all is sent",
  loopback,
  async () => {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    await using server = new RawServer(async (conn) => {
      await says("HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy")(conn);
      // The rest is not read until that is understood.
      await over;
    });
    using http = new HttpFetch(tcpTransport, { maxIdle: 4 });
    const body = new Uint8Array(32_000_000);
    const response = await http.fetch(server.url, { method: "PUT", body });
    assertEquals([response.status, await response.text()], [503, "busy"]);
    resolve();
    // It was not kept: much of the body has not been sent.
    await server.ended[0];
  },
);

Deno.test(
  "HttpFetch keeps so many connections, and for ten seconds",
  loopback,
  async () => {
    const clock = new SimClock();
    const { server, seen } = keepingServer(HI, HI, HI, HI);
    await using _server = server;
    using http = new HttpFetch(tcpTransport, { clock, maxIdle: 2 });
    const three = await Promise.all(
      [1, 2, 3].map(() => http.fetch(server.url)),
    );
    for (const response of three) assertEquals(await response.text(), "hi");
    await Promise.any(server.ended);
    await clock.advance(9_000);
    const fourth = await http.fetch(server.url);
    assertEquals(new Set(seen.map(([connection]) => connection)).size, 3);
    await fourth.text();
    await clock.advance(10_000);
    await Promise.all(server.ended);
  },
);

Deno.test(
  "HttpFetch ends with the signal while TLS shakes hands, and takes no plain text",
  loopback,
  async () => {
    await using mute = new RawServer(async (conn) => {
      await conn.read(new Uint8Array(1));
    });
    await using plain = new RawServer(says("HTTP/1.1 400 x\r\n\r\n"));
    using http = new HttpFetch(tcpTransport);
    const stop = new AbortController();
    const secure = (url: string) => url.replace("http:", "https:");
    const asked = http.fetch(secure(mute.url), { signal: stop.signal });
    while (mute.requests.length === 0) {
      await new Promise((next) => setTimeout(next));
    }
    stop.abort(new Error("enough"));
    await assertRejects(() => asked, Error, "enough");
    await mute.ended[0];
    await assertRejects(() => http.fetch(secure(plain.url)), TypeError, "ask");
    await plain.ended[0];
  },
);

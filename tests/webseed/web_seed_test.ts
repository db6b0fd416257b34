import { assert, assertEquals, assertThrows } from "@std/assert";
import { sendsHost } from "../../_shared/http/checked_fetch.ts";
import { seededRandom } from "../../_shared/random.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { WebSeedHosts } from "../../webseed/host_slots.ts";
import type { WebSeedTorrent } from "../../webseed/url.ts";
import { WebSeed } from "../../webseed/web_seed.ts";
import type {
  WebSeedEvent,
  WebSeedOptions,
} from "../../webseed/web_seed_options.ts";

const PIECE = 65_536;
const LENGTH = 1_000_000;
const DATA = seededRandom(3).getRandomValues(new Uint8Array(65_536));

/** A byte of the payload. */
function payload(start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  for (let at = start; at < end; at++) bytes[at - start] = DATA[at % 65_521]!;
  return bytes;
}

const torrent: WebSeedTorrent = {
  name: "data.bin",
  isSingleFile: true,
  files: [{
    path: [],
    length: LENGTH,
    pad: false,
  }] as unknown as WebSeedTorrent["files"],
  layout: new PieceLayout({ pieceLength: PIECE, files: [{ length: LENGTH }] }),
};

/** A web seed, and what it tells. */
class Client implements AsyncDisposable {
  readonly seed: WebSeed;
  readonly received = new Map<number, Uint8Array>();
  unserved = 0;
  ready = 0;
  lost = 0;
  #check: () => void = () => {};

  constructor(url: string, options: Partial<WebSeedOptions> = {}) {
    this.seed = new WebSeed({
      url,
      torrent,
      isNamed: true,
      onEvent: (event) => this.#take(event),
      ...options,
    });
  }

  #take(event: WebSeedEvent): void {
    switch (event.type) {
      case "block":
        this.received.set(
          event.pieceIndex * PIECE + event.blockOffset,
          event.data.slice(),
        );
        break;
      case "unserved":
        this.unserved += event.blocks.length;
        break;
      case "ready":
        this.ready++;
        break;
      case "lost":
        this.lost += event.pieces.length;
    }
    this.#check();
  }

  /** Waits for what an event brings about. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => condition() && resolve();
      this.#check();
    });
  }

  want(...pieces: number[]): void {
    const { layout } = torrent;
    this.seed.request(pieces.flatMap((piece) =>
      Array.from(
        { length: layout.blockCount(piece) },
        (_, i) => layout.block(piece, i),
      )
    ));
  }

  /** Fails unless all that came is right. */
  check(): void {
    for (const [at, bytes] of this.received) {
      assertEquals(bytes, payload(at, at + bytes.length));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.seed.close();
  }
}

/** A web server on loopback. */
function serve(
  handler: (request: Request) => Response | Promise<Response>,
): { readonly url: string } & AsyncDisposable {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    handler,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/data.bin`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Answers as a server with ranges does. */
function part(request: Request): Response {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (match === null) return new Response(payload(0, LENGTH));
  const [start, end] = [Number(match[1]), Number(match[2]) + 1];
  return new Response(payload(start, end), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${end - 1}/${LENGTH}` },
  });
}

Deno.test("WebSeed - fetches pieces from a server with ranges", async () => {
  const headers: Headers[] = [];
  await using server = serve((request) => {
    headers.push(request.headers);
    return part(request);
  });
  await using client = new Client(server.url, { userAgent: "me/1" });
  assert(client.seed.window >= 64);
  client.want(1, 2);
  client.want(9);
  await client.until(() => client.received.size === 8 && client.ready > 1);
  client.check();
  // The second came back at once: one at a time while nothing is known.
  assertEquals(client.unserved, 4);
  client.want(9);
  client.want(15);
  await client.until(() => client.received.size === 8 + 4 + 2);
  client.check();
  assertEquals(headers[0]!.get("range"), "bytes=65536-196607");
  assertEquals(headers[0]!.get("accept-encoding"), "identity");
  assertEquals(headers[0]!.get("user-agent"), "me/1");
  assertEquals(headers[0]!.get("authorization"), null);
  const { state, name, message, downloadedBytes } = client.seed.status();
  assertEquals([state, message], ["ready", undefined]);
  assertEquals(name, new URL(server.url).origin);
  assertEquals(downloadedBytes, 3 * PIECE + (LENGTH - 15 * PIECE));
});

Deno.test("WebSeed - reads the whole file where there are no ranges", async () => {
  let asked = 0;
  await using server = serve(() => {
    asked++;
    return new Response(payload(0, LENGTH));
  });
  await using client = new Client(server.url);
  client.want(7);
  await client.until(() => client.received.size === 62 && client.ready > 0);
  client.check();
  assertEquals([asked, client.unserved], [1, 0]);
});

Deno.test("WebSeed - a gate says when and how much is read", async () => {
  await using server = serve(part);
  let granted = 0;
  let read = 0;
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<number>();
  await using client = new Client(server.url, {
    gate: () => ({
      before(bytes) {
        assertEquals(bytes, 262_144);
        asked.resolve();
        return granted++ === 0 ? go.promise : 10_000;
      },
      after(bytes) {
        assert(bytes <= 10_000);
        read += bytes;
      },
    }),
  });
  client.want(0);
  await asked.promise;
  assertEquals(client.received.size, 0);
  go.resolve(10_000);
  await client.until(() => client.received.size === 4 && client.ready > 0);
  client.check();
  assertEquals(read, PIECE);
});

Deno.test("WebSeed - close ends what waits for a gate, and what is silent", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = serve((request) => {
    resolve();
    return part(request);
  });
  const client = new Client(server.url, {
    gate: () => ({ before: () => new Promise(() => {}), after: () => {} }),
  });
  client.want(0);
  await promise;
  await client.seed.close();
  assertEquals([client.seed.state, client.unserved], ["closed", 4]);
  client.want(0);
  assertEquals(client.unserved, 8);

  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using silent = serve(async () => {
    asked.resolve();
    await release.promise;
    return new Response();
  });
  const other = new Client(silent.url);
  other.want(0);
  await asked.promise;
  await other.seed.close();
  release.resolve();
});

Deno.test("WebSeed - a silent server is given up after 30 s", async () => {
  const clock = new SimClock();
  const asked = Promise.withResolvers<void>();
  await using client = new Client("http://8.8.8.8/", {
    clock,
    isNamed: false,
    fetch(_, { signal }) {
      asked.resolve();
      return new Promise((_, reject) =>
        signal!.addEventListener("abort", () => reject(signal!.reason))
      );
    },
  });
  client.want(0);
  await asked.promise;
  await clock.advance(29_990);
  assertEquals(client.seed.state, "ready");
  await clock.advance(20);
  assertEquals([client.seed.state, client.unserved], ["waiting", 4]);
  const { nextInMs } = client.seed.status();
  assert(nextInMs! > 7_000 && nextInMs! <= 12_500);
  await clock.advance(nextInMs!);
  assertEquals([client.seed.state, client.ready], ["ready", 1]);
});

Deno.test("WebSeed - follows redirects, with credentials for its own origin only", async () => {
  const seen: (string | null)[] = [];
  await using target = serve((request) => {
    seen.push(request.headers.get("authorization"));
    return part(request);
  });
  await using server = serve((request) => {
    seen.push(request.headers.get("authorization"));
    return Response.redirect(target.url);
  });
  const url = server.url.replace("http://", "http://me:secret@");
  await using client = new Client(url);
  client.want(0);
  await client.until(() => client.received.size === 4 && client.ready > 0);
  client.check();
  assertEquals(seen, [`Basic ${btoa("me:secret")}`, null]);
  assertEquals(JSON.stringify(client.seed.status()).includes("secret"), false);
});

Deno.test("WebSeed - nobody but a person sends us into our own network", async () => {
  const asked: string[] = [];
  const answers: Record<string, () => Response> = {
    "http://8.8.8.8/r": () =>
      new Response(null, {
        status: 302,
        headers: { location: "http://127.0.0.1:50000/" },
      }),
  };
  for (
    const url of [
      "http://127.0.0.1:50000/",
      "http://[::1]:50000/",
      "http://10.1.2.3/",
      "http://8.8.8.8:22/",
      "http://inside.example/",
      "http://8.8.8.8/r",
    ]
  ) {
    await using client = new Client(url, {
      isNamed: false,
      resolve: () => Promise.resolve(["192.168.1.1"]),
      fetch(target) {
        asked.push(target.href);
        return Promise.resolve(answers[target.href]!());
      },
    });
    client.want(0);
    await client.until(() => client.unserved === 4 && client.lost === 16);
    assert(client.seed.pieces.isEmpty, url);
    assertEquals(client.seed.window, 0);
  }
  assertEquals(asked, ["http://8.8.8.8/r"]);
});

Deno.test("WebSeed - three requests a host, over all that share a budget", async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const clock = new SimClock();
  const hosts = new WebSeedHosts(clock);
  const options: Partial<WebSeedOptions> = {
    hosts,
    clock,
    isNamed: false,
    fetch: (_, init) =>
      new Promise((resolve) => {
        const { headers } = init;
        const request = new Request("http://x/", { headers: headers! });
        waiting.push(() => resolve(part(request)));
        most = Math.max(most, hosts.active);
      }),
  };
  const clients = Array.from(
    { length: 5 },
    (_, i) => new Client(`http://8.8.8.8/${i}`, options),
  );
  for (const client of clients) if (client.seed.window > 0) client.want(0);
  await clock.advance(1);
  assertEquals([waiting.length, hosts.active], [3, 3]);
  assertEquals(clients[4]!.seed.window, 0);
  waiting[0]!();
  await clients[0]!.until(() => clients[0]!.received.size === 4);
  await clients[4]!.until(() => clients[4]!.ready > 0);
  assert(clients[4]!.seed.window > 0);
  clients[4]!.want(0);
  await clock.advance(1);
  assertEquals([waiting.length, most], [4, 3]);
  for (const go of waiting) go();
  await Promise.all(clients.map((client) => client.seed.close()));
  assertEquals(hosts.active, 0);
});

Deno.test("WebSeed - one that takes long gives its place to another", async () => {
  const clock = new SimClock();
  const hosts = new WebSeedHosts(clock);
  await using client = new Client("http://8.8.8.8/", {
    hosts,
    clock,
    isNamed: false,
    fetch: (_, { signal }) =>
      new Promise((_, reject) =>
        signal!.addEventListener("abort", () => reject(signal!.reason))
      ),
  });
  client.want(0);
  for (let i = 0; i < 23; i++) hosts.tryTake(`h${i}`, () => {});
  await clock.advance(9_999);
  assertEquals(hosts.tryTake("other", () => {}), undefined);
  await clock.advance(1);
  assert(hosts.tryTake("other", () => {}) !== undefined);
  await client.until(() => client.unserved === 4);
  const { state, active } = client.seed.status();
  // It is nobody's fault.
  assertEquals([state, active, hosts.active], ["ready", 0, 24]);
});

Deno.test("WebSeed - a redirect takes a place at its own host, too", async () => {
  const clock = new SimClock();
  const hosts = new WebSeedHosts(clock);
  for (let i = 0; i < 3; i++) hosts.tryTake("8.8.4.4", () => {});
  await using client = new Client("http://8.8.8.8/", {
    hosts,
    clock,
    isNamed: false,
    fetch: () =>
      Promise.resolve(
        new Response(null, {
          status: 302,
          headers: { location: "http://8.8.4.4/" },
        }),
      ),
  });
  client.want(0);
  await client.until(() => client.unserved === 4);
  assertEquals(
    client.seed.status().message,
    "Too many requests to this host are waiting already",
  );
  assertEquals(hosts.active, 3);
});

Deno.test("WebSeed - bodies that are no byte streams are read, too", async () => {
  await using client = new Client("http://8.8.8.8/", {
    isNamed: false,
    fetch: () =>
      Promise.resolve(
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(payload(0, 40_000));
              controller.enqueue(payload(40_000, PIECE));
              controller.close();
            },
          }),
          {
            status: 206,
            headers: { "content-range": `bytes 0-65535/${LENGTH}` },
          },
        ),
      ),
  });
  client.want(0);
  await client.until(() => client.received.size === 4 && client.ready > 0);
  client.check();
});

Deno.test("WebSeed - failures tell nothing of URLs", async () => {
  await using client = new Client("http://8.8.8.8/secret", {
    isNamed: false,
    fetch: (url) => Promise.reject(new TypeError(`Cannot fetch (${url}): no`)),
  });
  client.want(0);
  await client.until(() => client.unserved === 4);
  assertEquals(client.seed.status().message, "Cannot fetch ([URL] no");
  assertEquals(client.seed.state, "waiting");
});

Deno.test("WebSeed - asks the address that was looked at, and no other", async () => {
  const asked: string[] = [];
  await using client = new Client("http://web.example:8123/file", {
    isNamed: false,
    resolve: () => Promise.resolve(["8.8.8.8"]),
    fetch: sendsHost((url: URL, { headers }: RequestInit) => {
      asked.push(`${url} for ${new Headers(headers).get("host")}`);
      return Promise.reject(new TypeError("Refused"));
    }),
  });
  client.want(0);
  await client.until(() => client.unserved === 4);
  assertEquals(asked, ["http://8.8.8.8:8123/file for web.example:8123"]);
});

Deno.test("WebSeed - a block that came from elsewhere, a bad piece, a stop", async () => {
  const clock = new SimClock();
  const aborted: boolean[] = [];
  await using client = new Client("http://8.8.8.8/", {
    clock,
    isNamed: false,
    fetch: (_, { signal }) =>
      new Promise((_, reject) =>
        signal!.addEventListener("abort", () => {
          aborted.push(true);
          reject(signal!.reason);
        })
      ),
  });
  client.want(0);
  await clock.advance(1);
  for (let i = 0; i < 4; i++) client.seed.cancel(torrent.layout.block(0, i));
  assertEquals([client.unserved, aborted.length], [0, 1]);
  client.want(0);
  await clock.advance(1);
  client.seed.stop();
  assertEquals([client.unserved, client.seed.state], [4, "ready"]);
  client.want(0);
  await clock.advance(1);
  client.seed.bad(3);
  assertEquals([client.unserved, client.seed.state], [8, "banned"]);
  assertEquals([client.lost, aborted.length], [16, 3]);
});

Deno.test("WebSeed - refuses what is no http or https URL", {
  permissions: "none",
}, () => {
  assertThrows(() => new Client("ftp://a.example/"), TypeError);
});

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { sendsHost } from "../../_shared/http/checked_fetch.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import {
  encodeHttpScrapeResponse,
  HttpTrackerClient,
  type HttpTrackerClientOptions,
  TrackerError,
  type TrackerErrorCode,
} from "../../htracker/mod.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";
import { REQUEST } from "../support/announce.ts";
import { drippingBody } from "../support/dripping_body.ts";

const permissions = "none";
const GOOD = encodeBencode({ interval: 900, complete: 3, peers: "" });

type Answer = (url: URL, init: RequestInit) => Response | Promise<Response>;

/** A client whose network is a function; names resolve to a public address. */
function clientOf(
  answer: Answer,
  options: HttpTrackerClientOptions = {},
): HttpTrackerClient {
  return new HttpTrackerClient({
    fetch: ((url: URL, init: RequestInit) =>
      Promise.resolve().then(() =>
        answer(url, init)
      )) as typeof fetch,
    resolve: (name) =>
      Promise.resolve([name.startsWith("inside") ? "10.0.0.1" : "8.8.8.8"]),
    clock: new SimClock(),
    ...options,
  });
}

async function failure(
  promise: Promise<unknown>,
  code: TrackerErrorCode,
): Promise<TrackerError> {
  const error = await assertRejects(() => promise, TrackerError);
  assertEquals(error.code, code, error.message);
  for (
    let cause: unknown = error;
    cause instanceof Error;
    cause = cause.cause
  ) {
    assertEquals(cause.message.includes("passkey"), false, cause.message);
  }
  return error;
}

const URL_WITH_KEY = "http://t.example/passkey0123/announce?k=passkey4567";

Deno.test({
  name:
    "HttpTrackerClient keeps no buffers of an answer that comes byte by byte",
  permissions,
  async fn() {
    await using client = clientOf(() =>
      new Response(drippingBody((i) => GOOD[i]))
    );
    const url = "http://t.example/announce";
    assertEquals((await client.announce(url, REQUEST)).seeders, 3);
  },
});

Deno.test({
  name: "HttpTrackerClient announces with manual redirects and its own name",
  permissions,
  async fn() {
    const seen: string[] = [];
    const client = clientOf((url, init) => {
      seen.push(url.searchParams.get("k")!);
      assertEquals(init.redirect, "manual");
      assertEquals(new Headers(init.headers).get("user-agent"), "bip/0.1.0");
      return new Response(GOOD);
    });
    const { intervalMs, seeders } = await client.announce(
      URL_WITH_KEY,
      REQUEST,
    );
    assertEquals([intervalMs, seeders], [900_000, 3]);
    assertEquals(seen, ["passkey4567"]);
    await client.close();
    await failure(client.announce(URL_WITH_KEY, REQUEST), "closed");
  },
});

Deno.test({
  name: "HttpTrackerClient follows five redirects, and not six",
  permissions,
  async fn() {
    for (const count of [5, 6]) {
      let left = count;
      const client = clientOf(() =>
        left-- > 0
          ? new Response("moved", {
            status: 302,
            headers: { location: `/announce?left=${left}` },
          })
          : new Response(GOOD)
      );
      if (count === 5) await client.announce(URL_WITH_KEY, REQUEST);
      else await failure(client.announce(URL_WITH_KEY, REQUEST), "http-status");
    }
  },
});

Deno.test({
  name: "HttpTrackerClient does not let public trackers redirect inside",
  permissions,
  async fn() {
    for (
      const target of [
        "http://127.0.0.1/announce",
        "http://[::1]/announce",
        "http://[::ffff:10.0.0.1]/announce",
        "http://169.254.169.254/announce",
        "http://localhost/announce",
        "http://LOCALHOST./announce",
        "http://2130706433/announce",
        "http://inside.example/announce",
        "file:///etc/passwd",
        "ftp://t.example/announce",
        "http://",
      ]
    ) {
      let asked = 0;
      const client = clientOf(() => {
        asked++;
        return new Response(null, {
          status: 301,
          headers: { location: target },
        });
      });
      await failure(
        client.announce(URL_WITH_KEY, REQUEST),
        "forbidden-target",
      );
      assertEquals(asked, 1, target);
    }
    // From one local address to another is the user's own affair.
    const client = clientOf((url) =>
      url.hostname === "127.0.0.1"
        ? new Response(null, {
          status: 307,
          headers: { location: "http://[::1]/announce" },
        })
        : new Response(GOOD)
    );
    await client.announce("http://127.0.0.1/announce", REQUEST);
    // But never to a narrower scope.
    const steps: [string, string, boolean][] = [
      ["http://127.0.0.1/announce", "http://10.0.0.1/announce", true],
      ["http://10.0.0.1/announce", "http://192.168.0.1/announce", true],
      ["http://10.0.0.1/announce", "http://t.example/x", true],
      ["http://10.0.0.1/announce", "http://127.0.0.1/announce", false],
      ["http://10.0.0.1/announce", "http://169.254.0.9/announce", false],
      ["http://[fe80::1]/announce", "http://[::1]/announce", false],
      ["http://inside.example/announce", "http://0.0.0.0/announce", false],
    ];
    for (const [from, location, allowed] of steps) {
      const stepping = clientOf((url) =>
        url.hostname === new URL(from).hostname
          ? new Response(null, { status: 302, headers: { location } })
          : new Response(GOOD)
      );
      const announced = stepping.announce(from, REQUEST);
      if (allowed) await announced;
      else await failure(announced, "forbidden-target");
    }
  },
});

Deno.test({
  name: "HttpTrackerClient follows redirects only where it may",
  permissions,
  async fn() {
    const asked: string[] = [];
    const redirect = (location: string) =>
      new Response(null, { status: 302, headers: { location } });
    let budget = 2;
    const client = clientOf((url) => {
      asked.push(url.hostname);
      return redirect("http://victim.example/announce");
    }, {
      mayFollow: (url) => new URL(url).hostname !== "" && budget-- > 0,
    });
    await failure(client.announce(URL_WITH_KEY, REQUEST), "unreachable");
    assertEquals(asked, ["t.example", "victim.example", "victim.example"]);
  },
});

Deno.test({
  name: "HttpTrackerClient asks local trackers as the policy says",
  permissions,
  async fn() {
    const ask = (
      url: string,
      localTrackers?: HttpTrackerClientOptions["localTrackers"],
    ) =>
      clientOf(() => new Response(GOOD), { localTrackers })
        .announce(url, REQUEST);
    await ask("http://127.0.0.1:1234/x/announce");
    await ask("http://inside.example/announce.php");
    await failure(ask("http://127.0.0.1/admin?delete=1"), "forbidden-target");
    await failure(ask("http://inside.example/admin"), "forbidden-target");
    const { message } = await assertRejects(
      () => ask("http://127.0.0.1/admin"),
      TrackerError,
    );
    assertStringIncludes(message, "http://127.0.0.1: it is on a private");
    await ask("http://127.0.0.1/admin", "allow");
    await failure(
      ask("http://127.0.0.1/announce", "refuse"),
      "forbidden-target",
    );
    await ask("http://public.example/admin");
  },
});

Deno.test({
  name: "HttpTrackerClient refuses URLs that bring parameters of announces",
  permissions,
  async fn() {
    let asked = 0;
    const client = clientOf(() => {
      asked++;
      return new Response(GOOD);
    });
    for (
      const query of ["info_hash=x", "a=b&EVENT=stopped", "port", "%6bey=1"]
    ) {
      const url = `http://public.example/announce?${query}`;
      await failure(client.announce(url, REQUEST), "forbidden-target");
      await failure(
        client.scrape(url, [REQUEST.infoHash]),
        "forbidden-target",
      );
    }
    assertEquals(asked, 0);
    await client.announce("http://public.example/announce?passkey=1", REQUEST);
    assertEquals(asked, 1);
  },
});

Deno.test({
  name: "HttpTrackerClient stops reading beyond 1 MiB",
  permissions,
  async fn() {
    let cancelled = false;
    let sent = 0;
    const client = clientOf(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 65536;
            controller.enqueue(new Uint8Array(65536));
          },
          cancel() {
            cancelled = true;
          },
        }),
      )
    );
    await failure(client.announce(URL_WITH_KEY, REQUEST), "too-large");
    assert(cancelled);
    assert(sent < 1.3 * 1024 * 1024, `${sent}`);
    // Exactly the limit is read (and makes no sense).
    const full = clientOf(() => new Response(new Uint8Array(1024 * 1024)));
    await failure(full.announce(URL_WITH_KEY, REQUEST), "malformed");
  },
});

Deno.test({
  name: "HttpTrackerClient reports statuses, and reasons given with them",
  permissions,
  async fn() {
    const of = (status: number, body: BodyInit | null, retry?: string) =>
      clientOf(() =>
        new Response(body, {
          status,
          headers: retry === undefined ? {} : { "retry-after": retry },
        })
      ).announce(URL_WITH_KEY, REQUEST);
    await failure(of(404, "not here"), "http-status");
    const busy = await failure(of(503, null, "120"), "http-status");
    assertEquals(busy.retryInMs, 120_000);
    const refused = await failure(
      of(403, encodeBencode({ "failure reason": "go away" })),
      "refused",
    );
    assertEquals(refused.message, "go away");
    await failure(of(500, GOOD), "http-status");
    await failure(of(200, "<html>"), "malformed");
    await failure(of(300, GOOD), "http-status");
  },
});

Deno.test({
  name: "HttpTrackerClient keeps secrets out of its errors",
  permissions,
  async fn() {
    const echo = clientOf((url) =>
      new Response(
        encodeBencode({ "failure reason": `no ${url.href} passkey0123` }),
      )
    );
    await failure(echo.announce(URL_WITH_KEY, REQUEST), "refused");
    const broken = clientOf((url) => {
      throw new TypeError("fetch failed", {
        cause: new Error(`connecting to ${url.href}: passkey4567`),
      });
    });
    const error = await failure(
      broken.announce(URL_WITH_KEY, REQUEST),
      "unreachable",
    );
    assert(error.message.includes("http://t.example"), error.message);
  },
});

/** Answers never; ends with the signal. */
const silent: Answer = (_url, { signal }) =>
  new Promise((_resolve, reject) =>
    signal!.addEventListener("abort", () => reject(signal!.reason))
  );

Deno.test({
  name: "HttpTrackerClient gives up in time, sooner when stopping",
  permissions,
  async fn() {
    const clock = new SimClock();
    const client = clientOf(silent, { clock });
    for (
      const [event, ms] of [["started", 30_000], ["stopped", 5_000]] as const
    ) {
      let ended = false;
      const promise = failure(
        client.announce(URL_WITH_KEY, { ...REQUEST, event }),
        "timeout",
      ).then(() => ended = true);
      await clock.advance(ms - 1);
      assertEquals(ended, false);
      await clock.advance(1);
      await promise;
    }
    assertEquals(clock.pending, 0);
  },
});

Deno.test({
  name: "HttpTrackerClient rejects with the reason of the signal",
  permissions,
  async fn() {
    const clock = new SimClock();
    const client = clientOf(silent, { clock });
    const controller = new AbortController();
    const promise = client.announce(URL_WITH_KEY, REQUEST, {
      signal: controller.signal,
    });
    await drain();
    controller.abort("enough");
    assertEquals(await promise.catch((reason) => reason), "enough");
    assertEquals(
      await client.announce(URL_WITH_KEY, REQUEST, {
        signal: controller.signal,
      }).catch((reason) => reason),
      "enough",
    );
    const last = client.announce(URL_WITH_KEY, REQUEST);
    await drain();
    const closed = client.close();
    assert(client.close() === closed);
    await failure(last, "closed");
    await closed;
    assertEquals(clock.pending, 0);
  },
});

Deno.test({
  name: "HttpTrackerClient scrapes many torrents in several requests",
  permissions,
  async fn() {
    const sizes: number[] = [];
    const client = clientOf((url) => {
      assertEquals(url.pathname, "/passkey0123/scrape");
      const hashes = url.search.match(/info_hash=((?:%..|[^&])*)/g)!;
      sizes.push(hashes.length);
      return new Response(
        encodeHttpScrapeResponse([
          [new Uint8Array(20).fill(sizes.length), {
            seeders: sizes.length,
            leechers: 0,
            downloads: 0,
          }],
        ], 60),
      );
    });
    const hashes = Array.from(
      { length: 101 },
      (_, i) => new Uint8Array(20).fill(i),
    );
    const found = await client.scrape(URL_WITH_KEY, hashes);
    assertEquals(sizes, [50, 50, 1]);
    assertEquals(found.get("03".repeat(20))?.seeders, 3);
    await failure(
      client.scrape("http://t.example/tracker.php?passkey", hashes),
      "unsupported",
    );
    await failure(client.scrape("udp://t.example:1", hashes), "unsupported");
  },
});

Deno.test({
  name:
    "HttpTrackerClient reads compressed answers from a real server, bounded",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const compress = async (body: Uint8Array<ArrayBuffer>) =>
      await new Response(
        new Response(body).body!.pipeThrough(new CompressionStream("gzip")),
      ).arrayBuffer();
    const bomb = await compress(new Uint8Array(8 * 1024 * 1024));
    assert(bomb.byteLength < 100_000);
    const good = await compress(GOOD);
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
    }, (request) =>
      new Response(request.url.includes("bomb") ? bomb : good, {
        headers: { "content-encoding": "gzip" },
      }));
    const base = `http://127.0.0.1:${server.addr.port}`;
    const client = new HttpTrackerClient();
    const { seeders } = await client.announce(`${base}/announce`, REQUEST);
    assertEquals(seeders, 3);
    await failure(
      client.announce(`${base}/bomb/announce`, REQUEST),
      "too-large",
    );
    await client.close();
    await server.shutdown();
  },
});

Deno.test({
  name: "HttpTrackerClient asks the address that it looked at, and no other",
  permissions: { net: true },
  async fn() {
    const asked: string[] = [];
    const answer = (url: URL, init: RequestInit) => {
      asked.push(`${url.host} for ${new Headers(init.headers).get("host")}`);
      return Promise.resolve(
        asked.length > 1 ? new Response(GOOD) : new Response(null, {
          status: 302,
          headers: { location: "http://other.example:81/announce" },
        }),
      );
    };
    const options = { fetch: sendsHost(answer as typeof fetch) };
    await clientOf(answer, options)
      .announce("http://t.example/announce", REQUEST);
    assertEquals(asked, [
      "8.8.8.8 for t.example",
      "8.8.8.8:81 for other.example:81",
    ]);
    // What cannot be looked at is not asked.
    const lost = clientOf(answer, {
      ...options,
      resolve: () => Promise.reject(new Error("No such name")),
    });
    const promise = lost.announce("http://t.example/announce", REQUEST);
    await failure(promise, "unreachable");
    assertEquals(asked.length, 2);
  },
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tryFromHex } from "../../../_shared/bytes.ts";
import { HttpTrackerClient } from "../../../htracker/mod.ts";
import { UdpTrackerClient } from "../../../utracker/mod.ts";
import { bip, bipArguments } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";
import { Child } from "../../support/process.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const NET = ["--allow-net=127.0.0.1,0.0.0.0,[::]"];
const FLAGS = ["--unstable-net", "--unstable-kv"];

/** A tracker as a person starts it; disposing of it kills it. */
class TrackerProcess implements AsyncDisposable {
  private constructor(
    readonly child: Child,
    readonly udp: string,
    readonly http: string,
    readonly stats: string,
  ) {}

  static async start(
    args: string[] = [],
    permissions: string[] = [],
  ): Promise<TrackerProcess> {
    const words = ["tracker", "--listen", "127.0.0.1", "--port", "0"];
    words.push("--http-port", "0", "--stats-port", "0", "--json", ...args);
    const child = new Child(Deno.execPath(), {
      args: bipArguments(words, {
        permissions: [...NET, ...permissions],
        flags: FLAGS,
      }),
      env: { NO_COLOR: "1" },
    });
    const line = await child.line("listening");
    assertEquals(line.address, "127.0.0.1");
    return new TrackerProcess(
      child,
      `udp://127.0.0.1:${line.port}`,
      `http://127.0.0.1:${line.httpPort}/announce`,
      `http://127.0.0.1:${line.statsPort}`,
    );
  }

  async stop(): Promise<void> {
    this.child.kill("SIGINT");
    const { code, lines, stderr } = await this.child.result;
    assertEquals(code, 130, stderr);
    assertEquals(lines.at(-1)?.type, "stats");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** Asks as a person does; the JSON document and the exit code. */
async function ask(verb: string, ...args: string[]) {
  const result = await bip([verb, HASH, "--json", "--timeout", "10", ...args], {
    permissions: NET,
    flags: FLAGS,
  });
  return {
    code: result.code,
    document: result.stdout === "" ? undefined : JSON.parse(result.stdout),
    stderr: result.stderr,
  };
}

Deno.test("bip tracker, announce and scrape over UDP and HTTP", async () => {
  await using tracker = await TrackerProcess.start(["--interval", "120"]);
  const first = await ask(
    "announce",
    "--tracker",
    tracker.udp,
    "--event",
    "started",
    "--peer-port",
    "7001",
  );
  assertEquals(first.code, 0, first.stderr);
  assertEquals(first.document.infoHash, HASH);
  assertEquals(first.document.peers, []);
  const second = await ask(
    "announce",
    "--tracker",
    tracker.http,
    "--event",
    "completed",
    "--peer-port",
    "7002",
  );
  assertEquals(second.document.peers, ["127.0.0.1:7001"]);
  assertEquals(second.document.trackers, [{
    tracker: tracker.http,
    interval: 120,
    minInterval: 60,
    seeders: 1,
    leechers: 1,
    downloads: 1,
    peers: ["127.0.0.1:7001"],
    externalIp: null,
    warning: null,
  }]);
  const scraped = await ask(
    "scrape",
    "--tracker",
    tracker.udp,
    "--tracker",
    tracker.http,
    "--tracker",
    "udp://127.0.0.1:1",
    "--timeout",
    "1",
  );
  assertEquals(scraped.code, 0);
  const { seeders, leechers, downloads, trackers } = scraped.document;
  assertEquals([seeders, leechers, downloads], [1, 1, 1]);
  assertEquals(trackers.length, 3);
  assertEquals(trackers[2].error.code, "timeout");
  const stats = await (await fetch(`${tracker.stats}/stats`)).json();
  assertEquals(stats.announces, 2);
  const metrics = await (await fetch(`${tracker.stats}/metrics`)).text();
  assert(metrics.includes("bip_tracker_http_scrapes_total 1\n"));
  await tracker.stop();
});

Deno.test("bip tracker serves statistics at the address that it listens on", async () => {
  const words = ["tracker", "--listen", "127.0.0.2", "--port", "0"];
  await using child = new Child(Deno.execPath(), {
    args: bipArguments([...words, "--stats-port", "0", "--json"], {
      permissions: ["--allow-net=127.0.0.2"],
      flags: FLAGS,
    }),
  });
  const { statsPort } = await child.line("listening");
  const response = await fetch(`http://127.0.0.2:${statsPort}/stats`);
  assertEquals((await response.json()).announces, 0);
});

Deno.test("bip announce and scrape in words", async () => {
  await using tracker = await TrackerProcess.start();
  const run = (verb: string, ...args: string[]) =>
    bip([verb, `magnet:?xt=urn:btih:${HASH}&tr=${tracker.udp}`, ...args], {
      permissions: NET,
      flags: FLAGS,
    });
  await run("announce", "--peer-port", "7001");
  const shown = await run("announce", "--peer-port", "7002");
  assertEquals(shown.stdout, "127.0.0.1:7001\n");
  assertEquals(
    shown.stderr,
    `${tracker.udp}: 0 seeds, 2 leechers, next announce in 30m 00s\n`,
  );
  const scraped = await run("scrape");
  assertEquals(
    scraped.stdout,
    `${tracker.udp}: 0 seeds, 2 leechers, 0 downloads\n`,
  );
});

Deno.test("bip tracker reads its lists again when they change", async () => {
  await using dir = new TempDir();
  const list = dir.join("allow.txt");
  await Deno.writeTextFile(list, "# nothing yet\n");
  await using tracker = await TrackerProcess.start(["--allow", list], [
    `--allow-read=${list}`,
  ]);
  const refused = await ask("announce", "--tracker", tracker.udp);
  assertEquals(refused.code, 5);
  assertEquals(refused.document.trackers[0].error, {
    code: "refused",
    message: "Torrent not served",
  });
  await Deno.writeTextFile(list, "nonsense\n");
  const warning = await tracker.child.line("warning");
  assert(String(warning.message).includes("line 1"));
  await Deno.writeTextFile(list, `${HASH} mine\n`);
  if (Deno.build.os !== "windows") tracker.child.kill("SIGHUP");
  const end = Date.now() + 10_000;
  let code = 5;
  while (code !== 0 && Date.now() < end) {
    ({ code } = await ask("announce", "--tracker", tracker.udp));
  }
  assertEquals(code, 0);
});

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

const HOSTS = hasIpv6() ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"];

/** A tracker with a database, asked over UDP and HTTP of both families. */
class KvTracker implements AsyncDisposable {
  private constructor(
    readonly child: Child,
    readonly udpPort: number,
    readonly httpPort: number,
    readonly statsPort: number,
  ) {}

  static async start(dir: TempDir): Promise<KvTracker> {
    const words = ["tracker", "--port", "0", "--http-port", "0", "--json"];
    // All addresses; nobody but this test knows the ports.
    words.push("--stats-port", "0", "--kv", dir.join("swarms.kv"));
    if (HOSTS.length === 1) words.push("--listen", "127.0.0.1");
    const child = new Child(Deno.execPath(), {
      args: bipArguments(words, {
        permissions: [
          "--allow-net",
          `--allow-read=${dir.path}`,
          `--allow-write=${dir.path}`,
        ],
        flags: FLAGS,
      }),
    });
    const { port, httpPort, statsPort } = await child.line("listening");
    return new KvTracker(
      child,
      Number(port),
      Number(httpPort),
      Number(statsPort),
    );
  }

  /** Its announce URLs. */
  get urls(): string[] {
    return HOSTS.flatMap((host) => [
      `udp://${host}:${this.udpPort}`,
      `http://${host}:${this.httpPort}/announce`,
    ]);
  }

  async stop(signal: Deno.Signal): Promise<void> {
    this.child.kill(signal);
    const { code, stderr } = await this.child.result;
    if (signal !== "SIGKILL" && Deno.build.os !== "windows") {
      assertEquals(code, 130, stderr);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** Peers, asking for all that a tracker knows. */
class Peers implements AsyncDisposable {
  readonly #udp = new UdpTrackerClient({ timeoutMs: 10_000 });
  readonly #http = new HttpTrackerClient({ timeoutMs: 10_000 });

  #client(url: string): UdpTrackerClient | HttpTrackerClient {
    return url.startsWith("udp:") ? this.#udp : this.#http;
  }

  async announce(url: string, port: number, left = 1): Promise<string[]> {
    const { peers } = await this.#client(url).announce(url, {
      infoHash: tryFromHex(HASH)!,
      peerId: new Uint8Array(20).fill(port),
      port,
      uploaded: 0,
      downloaded: 0,
      left,
      event: left === 0 ? "completed" : "started",
    });
    return peers.map((peer) => `${peer.hostname} ${peer.port}`).sort();
  }

  async scrape(url: string): Promise<number[]> {
    const found = await this.#client(url).scrape(url, [tryFromHex(HASH)!]);
    const { seeders = 0, leechers = 0, downloads = 0 } = found.get(HASH) ?? {};
    return [seeders, leechers, downloads];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#udp.close();
    await this.#http.close();
  }
}

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test({
    name: `bip tracker --kv loses no swarm when it is ended by ${signal}`,
    async fn() {
      await using dir = new TempDir();
      await using peers = new Peers();
      const expected: string[] = [];
      {
        await using tracker = await KvTracker.start(dir);
        let port = 7000;
        for (const [i, url] of tracker.urls.entries()) {
          for (const left of [1, 0]) {
            await peers.announce(url, ++port, left);
            expected.push(`${i < 2 ? "127.0.0.1" : "::1"} ${port}`);
          }
        }
        // The last answer has just come: what was acknowledged is there.
        await tracker.stop(signal);
      }
      expected.sort();
      const half = expected.length / 2;
      await using tracker = await KvTracker.start(dir);
      for (const url of tracker.urls) {
        assertEquals(await peers.scrape(url), [half, half, half], url);
      }
      // HTTP answers name both families, UDP that of the packet.
      const [udp4, http4, udp6] = tracker.urls;
      const other = (family: string) =>
        expected.filter((p) => p.startsWith(family));
      assertEquals(await peers.announce(udp4!, 7001), [
        ...other("127").filter((p) => !p.endsWith(" 7001")),
      ]);
      if (udp6 !== undefined) {
        assertEquals(await peers.announce(udp6, 7005), [
          ...other("::1").filter((p) => !p.endsWith(" 7005")),
        ]);
      }
      assertEquals(
        await peers.announce(http4!, 7003),
        expected.filter((p) => p !== "127.0.0.1 7003"),
      );
      await tracker.stop("SIGTERM");
    },
  });
}

Deno.test("two bip trackers share one --kv at the same time", async () => {
  await using dir = new TempDir();
  await using peers = new Peers();
  // Both open the same new file at once.
  const [a, b] = await Promise.all([
    KvTracker.start(dir),
    KvTracker.start(dir),
  ]);
  await using first = a;
  await using second = b;
  const trackers = [first, second];
  const count = 40;
  await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const { urls } = trackers[i % 2]!;
      return peers.announce(urls[(i >> 1) % 2]!, 7000 + i, i % 4 === 0 ? 0 : 1);
    }),
  );
  const quarter = count / 4;
  for (const { urls, statsPort } of trackers) {
    for (const url of urls) {
      assertEquals(await peers.scrape(url), [quarter, 3 * quarter, quarter]);
    }
    // Peers that ask here are told of those that announced there.
    const named = await peers.announce(urls[0]!, 7001);
    assertEquals(named.length, count - 1);
    const stats = `http://127.0.0.1:${statsPort}/stats`;
    const { failures, swarms } = await (await fetch(stats)).json();
    assertEquals([failures, swarms.torrents], [0, 1]);
  }
  // One goes, the other one still knows all.
  await first.stop("SIGTERM");
  assertEquals(
    (await peers.announce(second.urls[1]!, 7002)).length,
    count - 1,
  );
});

Deno.test("bip tracker - HTTP is at the port of UDP unless told otherwise", async () => {
  for (
    const [args, expected] of [
      [[], "same"],
      [["--http-port", "0"], "other"],
      [["--no-http"], "none"],
    ] as const
  ) {
    const words = ["tracker", "--listen", "127.0.0.1", "--port", "0", "--json"];
    await using child = new Child(Deno.execPath(), {
      args: bipArguments([...words, ...args], {
        permissions: NET,
        flags: FLAGS,
      }),
      env: { NO_COLOR: "1" },
    });
    const { port, httpPort } = await child.line("listening");
    const found = httpPort === null
      ? "none"
      : httpPort === port
      ? "same"
      : "other";
    assertEquals(found, expected);
    if (expected === "same") {
      for (const scheme of ["udp", "http"]) {
        const url = `${scheme}://127.0.0.1:${port}/announce`;
        assertEquals((await ask("scrape", "--tracker", url)).code, 0, url);
      }
    }
    child.kill("SIGINT");
    assertEquals((await child.result).code, 130);
  }
});

Deno.test("bip announce asks a tracker of any path on this machine, if a person names it", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("d8:intervali900e5:peers6:\x7f\0\0\x01\x1a\x21e"),
  );
  const url = `http://127.0.0.1:${server.addr.port}/t?passkey=1`;
  const { code, stderr, document } = await ask("announce", "--tracker", url);
  assertEquals(code, 0, stderr);
  assertEquals(document.trackers[0].interval, 900);
  const link = `magnet:?xt=urn:btih:${HASH}&tr=${encodeURIComponent(url)}`;
  const refused = await bip(["announce", link], { permissions: NET });
  assertEquals(refused.code, 5);
  const { origin } = new URL(url);
  assertStringIncludes(
    refused.stderr,
    `${origin}: Cannot use: it is on a private network`,
  );
});

Deno.test("bip tracker, announce and scrape refuse what makes no sense", async () => {
  const cases: [string[], number, string][] = [
    [["tracker", "--port", "70000"], 2, "--port"],
    [["tracker", "--listen", "nowhere"], 2, "--listen"],
    [["tracker", "--interval", "0"], 2, "--interval"],
    [["tracker", "--allow", "/does/not/exist", "--port", "0"], 6, "exist"],
    [["tracker", "x"], 2, "operand"],
    [["announce", HASH], 2, "--tracker"],
    [["announce", HASH, "--event", "resumed"], 2, "--event"],
    [["announce", HASH, "--peer-port", "x"], 2, "--peer-port"],
    [["announce"], 2, "SOURCE"],
    [["announce", "magnet:?dn=x"], 4, ""],
    [["scrape", HASH], 2, "--tracker"],
    [["scrape", HASH, "--tracker", "ftp://x"], 2, "udp URL"],
    [["announce", HASH, "--tracker", "127.0.0.1:1"], 2, "udp URL"],
    [["scrape", HASH, "--tracker", "udp://x"], 5, ""],
    [["tracker", "--no-http", "--http-port", "1"], 2, "not both"],
  ];
  for (const [words, code, text] of cases) {
    const result = await bip(words, {
      permissions: [...NET, "--allow-read"],
      flags: FLAGS,
    });
    assertEquals(result.code, code, `${words.join(" ")}: ${result.stderr}`);
    assert(result.stderr.includes(text), result.stderr);
    assert(!result.stderr.includes("unexpected"), result.stderr);
  }
  await using dir = new TempDir();
  const junk = dir.join("junk");
  await Deno.writeTextFile(junk, "no database");
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using _ = taken;
  const local = ["tracker", "--listen", "127.0.0.1", "--port", "0"];
  const busy = String(taken.addr.port);
  const system: [string[], string][] = [
    [[...local, "--kv", junk], "Cannot open the database"],
    [
      [...local, "--kv", dir.join("no/such/folder")],
      "Cannot open the database",
    ],
    [["tracker", "--listen", "192.0.2.1", "--port", "0"], "192.0.2.1:0"],
    [[...local, "--http-port", busy], `Cannot listen on 127.0.0.1:${busy}`],
    [[...local, "--stats-port", busy], `Cannot listen on 127.0.0.1:${busy}`],
  ];
  for (const [words, text] of system) {
    const { code, stderr } = await bip(words, {
      permissions: ["-A"],
      flags: FLAGS,
    });
    assertEquals(code, 6, `${words.join(" ")}: ${stderr}`);
    assert(stderr.includes(text), stderr);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  }
  // Without the flag the person learns which one is missing.
  const kv = await bip(["tracker", "--kv", ":memory:"], { permissions: NET });
  assertEquals(kv.code, 2);
  assert(kv.stderr.includes("--unstable-kv"));
});

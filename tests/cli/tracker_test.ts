import { assert, assertEquals } from "@std/assert";
import { bip, bipArguments } from "../support/bip_command.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";

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
    `${tracker.udp}: 0 seeds, 2 leechers, again in 30m 00s\n`,
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

Deno.test("bip tracker --kv loses no swarm when it is restarted", async () => {
  await using dir = new TempDir();
  const options = [["--kv", dir.join("swarms.kv")], [
    `--allow-read=${dir.path}`,
    `--allow-write=${dir.path}`,
  ]] as const;
  const start = () => TrackerProcess.start([...options[0]], [...options[1]]);
  {
    await using tracker = await start();
    const { code, stderr } = await ask(
      "announce",
      "--tracker",
      tracker.udp,
      "--peer-port",
      "7001",
    );
    assertEquals(code, 0, stderr);
    await tracker.stop();
  }
  await using tracker = await start();
  const { document } = await ask(
    "announce",
    "--tracker",
    tracker.udp,
    "--peer-port",
    "7002",
  );
  assertEquals(document.peers, ["127.0.0.1:7001"]);
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
    [["scrape", HASH, "--tracker", "ftp://x"], 5, ""],
    [["scrape", HASH, "--tracker", "udp://x"], 5, ""],
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
  // Without the flag the person learns which one is missing.
  const kv = await bip(["tracker", "--kv", ":memory:"], { permissions: NET });
  assertEquals(kv.code, 2);
  assert(kv.stderr.includes("--unstable-kv"));
});

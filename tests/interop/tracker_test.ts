import { assert, assertEquals } from "@std/assert";
import { randomBytes, systemRandom } from "../../_shared/random.ts";
import { HttpTrackerClient } from "../../htracker/mod.ts";
import { trackerOrigin } from "../../htracker/announce_url.ts";
import { type AnnounceRequest, UdpTrackerClient } from "../../utracker/mod.ts";
import { runBip, startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import {
  freePort,
  interopTest,
  startAria2,
  startLibtorrent,
  Transmission,
} from "./programs.ts";
import { LOCAL, Scene } from "./scene.ts";

/** `bip tracker` on loopback, over UDP and HTTP. */
class OurTracker implements AsyncDisposable {
  private constructor(
    readonly child: Child,
    readonly udp: string,
    readonly http: string,
    readonly stats: string,
  ) {}

  static async start(): Promise<OurTracker> {
    const child = startBip([
      "tracker",
      "--listen",
      "127.0.0.1",
      "--port",
      "0",
      "--http-port",
      "0",
      "--stats-port",
      "0",
      "--interval",
      "60",
      "--json",
    ]);
    const line = await child.line("listening");
    return new OurTracker(
      child,
      `udp://127.0.0.1:${line.port}/announce`,
      `http://127.0.0.1:${line.httpPort}/announce`,
      `http://127.0.0.1:${line.statsPort}/stats`,
    );
  }

  /** Waits until so many seeds are listed. */
  async seeds(count: number): Promise<void> {
    const end = Date.now() + 60_000;
    while (true) {
      const stats = await (await fetch(this.stats)).json();
      if (stats.swarms.seeders >= count) return;
      if (Date.now() > end) {
        throw new Error(`Too few seeds: ${JSON.stringify(stats)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

const SCHEMES = ["udp", "http"] as const;

/** Our `bip download`, with no source but the trackers of the torrent. */
async function downloadByTracker(scene: Scene): Promise<void> {
  const dir = scene.folder();
  await using bip = startBip([
    "download",
    scene.torrent,
    "-o",
    dir,
    "--timeout",
    "60",
    ...LOCAL,
  ]);
  const { code, lines, stderr } = await bip.result;
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
  await scene.compare(dir);
}

for (const scheme of SCHEMES) {
  interopTest(
    `libtorrent seeds, libtorrent and we find it through our tracker: ${scheme}`,
    [
      "libtorrent",
    ],
    async () => {
      await using tracker = await OurTracker.start();
      await using scene = await Scene.create({ trackers: [tracker[scheme]] });
      await using _seeder = startLibtorrent(
        "seed",
        scene.torrent,
        scene.seedDir,
      );
      await tracker.seeds(1);
      await downloadByTracker(scene);
      const dir = scene.folder();
      await using leecher = startLibtorrent("leech", scene.torrent, dir);
      await leecher.line("complete");
      await scene.compare(dir);
    },
  );

  interopTest(`we seed, libtorrent finds us through our tracker: ${scheme}`, [
    "libtorrent",
  ], async () => {
    await using tracker = await OurTracker.start();
    await using scene = await Scene.create({ trackers: [tracker[scheme]] });
    await using _bip = startBip([
      "seed",
      scene.torrent,
      scene.seedDir,
      ...LOCAL,
    ]);
    await tracker.seeds(1);
    const dir = scene.folder();
    await using leecher = startLibtorrent("leech", scene.torrent, dir);
    await leecher.line("complete");
    await scene.compare(dir);
  });

  interopTest(`we seed, aria2 finds us through our tracker: ${scheme}`, [
    "aria2c",
  ], async () => {
    await using tracker = await OurTracker.start();
    await using scene = await Scene.create({
      trackers: [tracker[scheme]],
      // Keeps aria2's DHT, which it needs for UDP, off the torrent.
      private: true,
    });
    await using _bip = startBip([
      "seed",
      scene.torrent,
      scene.seedDir,
      ...LOCAL,
    ]);
    await tracker.seeds(1);
    const dir = scene.folder();
    await using aria2 = startAria2(scene.torrent, dir, {
      port: freePort(),
      udpTrackers: scheme === "udp",
    });
    const { code, stderr } = await aria2.result;
    assertEquals(code, 0, stderr);
    await scene.compare(dir);
  });

  interopTest(`transmission seeds, we find it through our tracker: ${scheme}`, [
    "transmission-daemon",
    "transmission-remote",
  ], async () => {
    await using tracker = await OurTracker.start();
    await using scene = await Scene.create({ trackers: [tracker[scheme]] });
    await using daemon = new Transmission(scene.seedDir);
    await daemon.seed(scene.torrent);
    await tracker.seeds(1);
    await downloadByTracker(scene);
  });

  interopTest(`aria2 seeds, we find it through our tracker: ${scheme}`, [
    "aria2c",
  ], async () => {
    await using tracker = await OurTracker.start();
    await using scene = await Scene.create({
      trackers: [tracker[scheme]],
      private: true,
    });
    await using _aria2 = startAria2(scene.torrent, scene.seedDir, {
      port: freePort(),
      seed: true,
      checkIntegrity: true,
      udpTrackers: scheme === "udp",
    });
    await tracker.seeds(1);
    await downloadByTracker(scene);
  });
}

const HASH = "0123456789abcdef0123456789abcdef01234567";

/** opentracker on loopback, which serves one torrent. */
class Opentracker implements AsyncDisposable {
  readonly #dir = new TempDir();
  readonly #child: Child;
  readonly udp: string;
  readonly http: string;

  constructor(infoHash: string) {
    const list = this.#dir.join("list");
    Deno.writeTextFileSync(list, `${infoHash}\n`);
    // It reads the list once more as nobody.
    Deno.chmodSync(this.#dir.path, 0o755);
    const port = freePort();
    this.udp = `udp://127.0.0.1:${port}/announce`;
    this.http = `http://127.0.0.1:${port}/announce`;
    this.#child = new Child("opentracker", {
      args: ["-i", "127.0.0.1", "-p", `${port}`, "-P", `${port}`, "-w", list],
    });
  }

  /** Waits until it answers. */
  async ready(): Promise<void> {
    const end = Date.now() + 10_000;
    while (true) {
      try {
        await (await fetch(this.http)).body?.cancel();
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#dir[Symbol.asyncDispose]();
  }
}

interopTest("our clients announce to opentracker and scrape it", [
  "opentracker",
], async () => {
  await using opentracker = new Opentracker(HASH);
  await opentracker.ready();
  await using http = new HttpTrackerClient({ timeoutMs: 10_000 });
  await using udp = new UdpTrackerClient({ timeoutMs: 10_000 });
  const infoHash = Uint8Array.from(
    HASH.match(/../g)!,
    (pair) => parseInt(pair, 16),
  );
  const request: AnnounceRequest = {
    infoHash,
    peerId: randomBytes(systemRandom, 20),
    port: 7001,
    uploaded: 0,
    downloaded: 0,
    left: 1,
    event: "started",
    numWant: 30,
    key: 5,
  };
  await udp.announce(opentracker.udp, request);
  const seed = { ...request, peerId: randomBytes(systemRandom, 20), left: 0 };
  const told = await http.announce(opentracker.http, { ...seed, port: 7002 });
  assert(told.peers.some(({ port }) => port === 7001));
  assertEquals([told.seeders, told.leechers], [1, 1]);
  for (
    const [client, url] of [[udp, opentracker.udp], [
      http,
      opentracker.http,
    ]] as const
  ) {
    const scraped = await client.scrape(url, [infoHash]);
    const entry = scraped.get(HASH);
    assertEquals([entry?.seeders, entry?.leechers], [1, 1], trackerOrigin(url));
  }
  await udp.announce(opentracker.udp, { ...request, event: "stopped" });
  const last = await udp.announce(opentracker.udp, { ...seed, port: 7002 });
  assertEquals(last.leechers, 0);
  const { code, stderr } = await runBip([
    "announce",
    HASH,
    "--tracker",
    opentracker.udp,
    "--tracker",
    opentracker.http,
    "--peer-port",
    "7003",
  ]);
  assertEquals(code, 0, stderr);
  const scrape = await runBip(["scrape", HASH, "--tracker", opentracker.udp]);
  assertEquals(scrape.code, 0, scrape.stderr);
});

interopTest("a download whose only source is opentracker", [
  "opentracker",
  "libtorrent",
], async () => {
  // The torrent names the tracker, which serves only what it is told of.
  await using plain = await Scene.create();
  await using peer = startLibtorrent("hashes", plain.torrent);
  const { v1 } = await peer.line("hashes");
  await using opentracker = new Opentracker(v1 as string);
  await opentracker.ready();
  await using scene = await Scene.create({ trackers: [opentracker.udp] });
  await using _seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const result = await runBip(["scrape", scene.torrent, "--json"]);
    const document = result.lines.map((line) => String(line.text ?? "")).join(
      "",
    );
    if (/"seeders": 1/.test(document)) break;
  }
  await downloadByTracker(scene);
});

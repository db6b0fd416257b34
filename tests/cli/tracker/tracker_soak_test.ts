/**
 * A tracker process under the load of `tests/support/tracker_flood.ts`, with
 * honest clients beside it. `BIP_SOAK_SECONDS` is how long (3),
 * `BIP_SOAK_WINDOW` how many announces of the attacker are in flight (64; far
 * more than that overrun the socket's buffer, and the honest retransmit).
 */
import { assert, assertEquals } from "@std/assert";
import { systemRandom } from "../../../_shared/random.ts";
import { HttpTrackerClient } from "../../../htracker/mod.ts";
import {
  type AnnounceResponse,
  UdpTrackerClient,
} from "../../../utracker/mod.ts";
import { bipArguments } from "../../support/bip_command.ts";
import { fromFileUrl } from "../../support/paths.ts";
import { Child } from "../../support/process.ts";
import type { FloodReport } from "../../support/tracker_flood.ts";

const SECONDS = Number(Deno.env.get("BIP_SOAK_SECONDS") ?? 3);
const WINDOW = Number(Deno.env.get("BIP_SOAK_WINDOW") ?? 64);
const MAX_PEERS = 2800;
const MAX_TORRENTS = 2500;
const HONEST = 20;
/** First wait for an answer before a client sends again (BEP 15). */
const FIRST_TIMEOUT_MS = 15_000;
/** What the heap may breathe, in bytes. */
const MAX_GROWTH = 48 * 2 ** 20;

interface Sample {
  readonly at: number;
  readonly memory: number;
  readonly torrents: number;
  readonly peers: number;
  readonly evicted: number;
  readonly udp: Readonly<Record<string, number>>;
}

async function sample(stats: string, at: number): Promise<Sample> {
  const figures = await (await fetch(`${stats}/stats`)).json();
  const { torrents, seeders, leechers, evicted } = figures.swarms;
  return {
    at,
    memory: figures.memory,
    torrents,
    peers: seeders + leechers,
    evicted,
    udp: figures.udp,
  };
}

/** What honest clients see. */
class Honest {
  readonly infoHash = systemRandom.getRandomValues(new Uint8Array(20));
  readonly failures: string[] = [];
  udp = 0;
  http = 0;
  /** UDP announces answered before anything had to be sent again. */
  atOnce = 0;
  slowestMs = 0;
  /** Answers that named none of the other honest peers. */
  lonely = 0;

  async udpPeer(url: string, port: number, isOver: () => boolean) {
    await using client = new UdpTrackerClient();
    for (let n = 0; !isOver(); n++) {
      const ms = await this.#announce(client, url, port, n);
      if (ms === undefined) continue;
      this.udp++;
      this.slowestMs = Math.max(this.slowestMs, ms);
      if (ms < FIRST_TIMEOUT_MS) this.atOnce++;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async httpPeer(url: string, port: number, isOver: () => boolean) {
    await using client = new HttpTrackerClient();
    for (let n = 0; !isOver(); n++) {
      const ms = await this.#announce(client, url, port, n);
      if (ms !== undefined) this.http++;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #announce(
    client: UdpTrackerClient | HttpTrackerClient,
    url: string,
    port: number,
    n: number,
  ): Promise<number | undefined> {
    const start = performance.now();
    try {
      const answer: AnnounceResponse = await client.announce(url, {
        infoHash: this.infoHash,
        peerId: new Uint8Array(20).fill(port),
        port,
        uploaded: 0,
        downloaded: 0,
        left: port % 3,
        event: n === 0 ? "started" : undefined,
      });
      if (n > 0 && answer.peers.length < HONEST / 2) this.lonely++;
      return performance.now() - start;
    } catch (error) {
      this.failures.push(String(error));
      return undefined;
    }
  }
}

Deno.test({
  name:
    `bip tracker under load for ${SECONDS} s: nothing grows, the honest are served`,
  ignore: !("listenDatagram" in Deno),
  async fn() {
    // An answer needs the permission for whom it goes to.
    const net = "--allow-net=127.0.0.0/8";
    await using tracker = new Child(Deno.execPath(), {
      args: bipArguments([
        ...["tracker", "--listen", "127.0.0.1", "--port", "0", "--json"],
        ...["--http-port", "0", "--stats-port", "0"],
        ...["--max-peers", `${MAX_PEERS}`, "--max-torrents", `${MAX_TORRENTS}`],
      ], { permissions: [net], flags: ["--unstable-net"] }),
    });
    const line = await tracker.line("listening");
    const [port, httpPort, statsPort] = [
      line.port,
      line.httpPort,
      line.statsPort,
    ].map(Number) as [number, number, number];
    const stats = `http://127.0.0.1:${statsPort}`;
    const script = new URL("../../support/tracker_flood.ts", import.meta.url);
    const words = [port, httpPort, SECONDS, WINDOW].map(String);
    await using flood = new Child(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--no-config", "--unstable-net"],
        ...["--allow-net=127.0.0.0/8", fromFileUrl(script), ...words],
      ],
    });
    const start = performance.now();
    let over = false;
    const honest = new Honest();
    const peers = Array.from(
      { length: HONEST },
      (_, i) =>
        i % 4 === 3
          ? honest.httpPeer(
            `http://127.0.0.1:${httpPort}/announce`,
            7000 + i,
            () => over,
          )
          : honest.udpPeer(`udp://127.0.0.1:${port}`, 7000 + i, () => over),
    );
    const samples: Sample[] = [];
    const sampling = (async () => {
      while (!over) {
        samples.push(await sample(stats, performance.now() - start));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    })();
    const { lines, stderr } = await flood.result;
    over = true;
    await Promise.all([...peers, sampling]);
    const last = await sample(stats, performance.now() - start);
    samples.push(last);
    const report = lines.find((line) => line.type === "flood") as
      | FloodReport
      | undefined;
    assert(report !== undefined, stderr);

    const warm = samples.find(({ at }) => at > 250 * SECONDS) ?? last;
    const peak = Math.max(...samples.map(({ memory }) => memory));
    const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
    const rate = Math.round(last.udp.received! / SECONDS);
    const { udp, atOnce, http } = honest;
    console.log(
      `${SECONDS} s, ${rate} datagrams/s received: ${report.announces} random announces (${report.answers} answered), ${report.garbage} garbage, ${report.forged} forged ids; HTTP ${report.httpAnswers} random, ${report.httpGarbage} garbage\n` +
        `honest: ${udp} of ${
          udp + honest.failures.length
        } UDP announces answered, ${
          (100 * atOnce / udp).toFixed(2)
        } % at the first datagram, slowest ${
          Math.round(honest.slowestMs)
        } ms, ${http} HTTP, ${honest.lonely} without peers\n` +
        `most torrents ${
          Math.max(...samples.map((s) => s.torrents))
        } of ${MAX_TORRENTS}, most peers ${
          Math.max(...samples.map((s) => s.peers))
        } of ${MAX_PEERS}; rss ${mib(warm.memory)} MiB when warm, ${
          mib(peak)
        } MiB at most`,
    );
    for (const { torrents, peers } of samples) {
      assert(torrents <= MAX_TORRENTS, `${torrents} torrents`);
      assert(peers <= MAX_PEERS, `${peers} peers`);
    }
    assert(last.evicted > 0, "the caps were reached");
    assert(report.answers > 0 && report.httpAnswers > 0);
    assert(report.longest <= 1232, `${report.longest} bytes`);
    assertEquals(report.garbageAnswers, 0);
    assert(report.garbage > 0 && report.forged > 0);
    assertEquals(report.forgedOther, 0);
    assertEquals(report.httpRefused, report.httpGarbage);
    assert(peak - warm.memory < MAX_GROWTH, `grew by ${peak - warm.memory}`);
    assertEquals(honest.failures, []);
    assert(udp > HONEST && http > 0);
    assert(honest.lonely < udp / 100, `${honest.lonely} without peers`);
    assert(last.udp.badConnectionIds! > 0 && last.udp.invalid! > 0);

    // Who has sent half a request does not hold up the end.
    const half = new TextEncoder().encode("GET /announce HT");
    using slow = await Deno.connect({ hostname: "127.0.0.1", port: httpPort });
    using slower = await Deno.connect({
      hostname: "127.0.0.1",
      port: statsPort,
    });
    await Promise.all([slow.write(half), slower.write(half)]);
    const stopped = performance.now();
    tracker.kill("SIGTERM");
    const { code, lines: said } = await tracker.result;
    assertEquals(code, 130);
    assert(performance.now() - stopped < 10_000);
    assertEquals(said.at(-1)?.type, "stats");
  },
});

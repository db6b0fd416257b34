/** How the tests of discovery find, start and watch those who look for peers. */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import {
  decodeBencode,
  encodeBencode,
  getBencodeDictionary,
} from "../../bencode/mod.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import {
  type DatagramSocket,
  openDatagramSocket,
} from "../../_shared/datagram.ts";
import { MainlineDht } from "../../dht/mod.ts";
import {
  formatMagnet,
  magnetOf,
  type Metainfo,
  parseMetainfo,
} from "../../metainfo/mod.ts";
import { startBip } from "../support/bip.ts";
import { bipOnNetwork } from "../support/bip_command.ts";
import { NetnsPair, netnsProblem } from "../support/netns.ts";
import { fromFileUrl, type TempDir } from "../support/paths.ts";
import { Child, type ChildResult } from "../support/process.ts";
import { freePort, interopTest, type Program } from "./programs.ts";
import { Scene, type SceneOptions } from "./scene.ts";

/** Ways to find peers. */
export type Source = "trackers" | "dht" | "lpd" | "pex";

const SOURCES: readonly Source[] = ["trackers", "dht", "lpd", "pex"];

/** Options that leave a run of `bip` no other way to find peers. */
export function onlyFrom(...sources: Source[]): string[] {
  const others = SOURCES.filter((source) => !sources.includes(source));
  return ["--port", "0", "--json", ...others.map((source) => `--no-${source}`)];
}

/** On this machine only. */
export const LOOPBACK = ["--listen", "127.0.0.1"] as const;

/** What a scene's torrent file says. */
export async function readMetainfo(scene: Scene): Promise<Metainfo> {
  return parseMetainfo(await Deno.readFile(scene.torrent));
}

/** A link with the hashes and the name, and only what is added here. */
export async function magnetLink(
  scene: Scene,
  added: { readonly trackers?: string[]; readonly peers?: Endpoint[] } = {},
): Promise<string> {
  const { infoHashV1, infoHashV2, name } = magnetOf(await readMetainfo(scene));
  return formatMagnet({
    ...(infoHashV1 ? { infoHashV1 } : {}),
    ...(infoHashV2 ? { infoHashV2 } : {}),
    ...(name ? { name } : {}),
    ...added,
  });
}

/**
 * Adds a key that nobody knows to the info dictionary of a torrent file. Another
 * number makes another torrent of it.
 */
export async function addUnknownInfoKey(
  torrent: string,
  number = 1,
): Promise<void> {
  const root = decodeBencode(await Deno.readFile(torrent));
  getBencodeDictionary(root, ["info"]).set("x-unknown", [
    number,
    new Uint8Array(3),
  ]);
  await Deno.writeFile(torrent, encodeBencode(root));
}

/** Enough pieces for an info dictionary of two parts. */
const TWO_PARTS: SceneOptions = {
  files: { "ä.bin": 16_000_000, "b": 77 },
  pieceLength: "16KiB",
};

let created = 0;

/**
 * A scene whose info dictionary has two parts and an unknown key, each of them
 * another torrent: those that share a tracker or a network do not mix.
 */
export async function createOdd(trackers: string[]): Promise<Scene> {
  const scene = await Scene.create({ ...TWO_PARTS, trackers });
  await addUnknownInfoKey(scene.torrent, ++created);
  return scene;
}

/** Waits until an HTTP tracker on loopback has a complete peer (BEP 48). */
export async function untilScraped(
  announceUrl: string,
  infoHash: Uint8Array,
): Promise<void> {
  const hash = infoHash.toHex().replace(/../g, "%$&");
  const url = announceUrl.replace(/announce$/, `scrape?info_hash=${hash}`);
  await until("the tracker knows a seed", async () => {
    const text = await fetch(url).then((answer) => answer.text(), () => "");
    return /8:completei[1-9]/.test(text);
  });
}

/** Checks that a download of `bip` got everything. */
export async function assertComplete(
  scene: Scene,
  dir: string,
  { code, lines, stderr }: ChildResult,
): Promise<void> {
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-5))}\n${stderr}`);
  assert(lines.some(({ type }) => type === "complete"));
  await scene.compare(dir);
}

/** Downloads to the end, on loopback, and compares what came. */
export async function download(
  scene: Scene,
  source: string,
  ...args: string[]
): Promise<ChildResult> {
  const dir = scene.folder();
  await using bip = startBip([
    "download",
    source,
    "-o",
    dir,
    "--timeout",
    "45",
    ...LOOPBACK,
    ...args,
  ]);
  const result = await bip.result;
  await assertComplete(scene, dir, result);
  return result;
}

/** Starts to seed a scene, on loopback. */
export function seed(scene: Scene, ...args: string[]): Child {
  return startBip([
    "seed",
    scene.torrent,
    scene.seedDir,
    ...LOOPBACK,
    ...args,
  ]);
}

/** Waits until something holds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await holds()) {
    if (performance.now() > end) {
      throw new Error(`Not after ${timeoutMs / 1000} s: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs cases side by side to the end of all; throws what failed first. */
export async function atOnce<T>(
  cases: readonly T[],
  run: (one: T) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(cases.map(run));
  results.forEach((result, i) => {
    if (result.status === "rejected") {
      throw new Error(`Case ${cases[i]} failed`, { cause: result.reason });
    }
  });
}

/** A node of ours on loopback that keeps every datagram it got. */
export class RecordingDht implements AsyncDisposable {
  readonly node: MainlineDht;
  readonly received: readonly Uint8Array[];

  private constructor(node: MainlineDht, received: Uint8Array[]) {
    this.node = node;
    this.received = received;
  }

  static async open(
    bootstrap: readonly Endpoint[] = [],
  ): Promise<RecordingDht> {
    const received: Uint8Array[] = [];
    const node = await MainlineDht.open({
      hostname: "127.0.0.1",
      bootstrap,
      socket: async (options) =>
        recording(await openDatagramSocket(options), received),
    });
    return new RecordingDht(node, received);
  }

  get endpoint(): Endpoint {
    return this.node.locals[0]!;
  }

  /** As `--dht-node` takes it. */
  get address(): string {
    return `127.0.0.1:${this.endpoint.port}`;
  }

  /** Datagrams that contain some bytes. */
  mentions(bytes: Uint8Array): number {
    return this.received.filter((data) => {
      for (let at = 0; at + bytes.length <= data.length; at++) {
        if (equalBytes(data.subarray(at, at + bytes.length), bytes)) {
          return true;
        }
      }
      return false;
    }).length;
  }

  /** Waits until somebody has announced a torrent. */
  async untilKnown(infoHash: Uint8Array): Promise<void> {
    await until("a peer is known to the DHT", async () => {
      for await (const _ of this.node.getPeers(infoHash)) return true;
      return false;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
  }
}

function recording(
  socket: DatagramSocket,
  received: Uint8Array[],
): DatagramSocket {
  return {
    get local() {
      return socket.local;
    },
    get dropped() {
      return socket.dropped;
    },
    async receive() {
      const datagram = await socket.receive();
      if (datagram !== undefined) received.push(datagram.data.slice());
      return datagram;
    },
    send: (data, to) => socket.send(data, to),
    close: () => socket.close(),
    [Symbol.dispose]: () => socket.close(),
  };
}

/** Starts `bip tracker` on loopback; both kinds of URL lead to it. */
export async function startTracker(): Promise<
  { child: Child; udp: string; http: string }
> {
  const child = startBip([
    "tracker",
    "--listen",
    "127.0.0.1",
    "--port",
    "0",
    "--http-port",
    "0",
    "--json",
  ]);
  const { port, httpPort } = await child.line("listening");
  return {
    child,
    udp: `udp://127.0.0.1:${port}/announce`,
    http: `http://127.0.0.1:${httpPort}/announce`,
  };
}

/**
 * Starts aria2c with a magnet link, on loopback. Without a node its DHT knows
 * nobody, but it asks UDP trackers only if it has one.
 */
export function startAria2Magnet(
  link: string,
  dir: string,
  config: TempDir,
  dhtNode?: string,
): Child {
  return new Child("aria2c", {
    args: [
      "--no-conf",
      "--enable-dht=true",
      ...(dhtNode === undefined ? [] : [`--dht-entry-point=${dhtNode}`]),
      `--dht-listen-port=${freePort()}`,
      `--dht-file-path=${config.join("dht.dat")}`,
      "--enable-dht6=false",
      "--bt-enable-lpd=false",
      "--enable-peer-exchange=false",
      "--disable-ipv6=true",
      "--interface=127.0.0.1",
      "--file-allocation=none",
      "--bt-tracker-interval=1",
      `--listen-port=${freePort()}`,
      "--seed-time=0",
      "--summary-interval=0",
      "--stop=45",
      `--dir=${dir}`,
      link,
    ],
  });
}

/** Starts a program on one of two hosts joined by a cable. */
export function startOn(
  pair: NetnsPair,
  host: 0 | 1,
  { command, args }: { command: string; args: readonly string[] },
  env: Record<string, string> = {},
): Child {
  const line = pair.command(host, command, args);
  return new Child(line.command, { args: line.args, env });
}

/** Starts a script with its arguments on one of two hosts. */
export function startDenoOn(
  pair: NetnsPair,
  host: 0 | 1,
  args: readonly string[],
): Child {
  // Nothing can be fetched from there.
  const map = Deno.env.get("BIP_IMPORT_MAP") ?? fromFileUrl(
    new URL("../../_tools/import_map.offline.json", import.meta.url),
  );
  return startOn(pair, host, {
    command: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check"],
      ...[`--import-map=${map}`, "--allow-net"],
      ...["--allow-sys=networkInterfaces", ...args],
    ],
  });
}

/** Starts `bip` on one of two hosts. */
export function startBipOn(
  pair: NetnsPair,
  host: 0 | 1,
  args: readonly string[],
): Child {
  return startOn(pair, host, bipOnNetwork(args), { NO_COLOR: "1" });
}

let problem: Promise<string | undefined> | undefined;

/** Registers a test in network namespaces, skipped where there are none. */
export async function netnsTest(
  name: string,
  programs: readonly Program[],
  fn: (pair: NetnsPair) => Promise<void>,
): Promise<void> {
  const reason = await (problem ??= netnsProblem());
  const isRequired = Deno.env.get("BIP_REQUIRE_PEERS") === "1";
  if (reason !== undefined && !isRequired) {
    Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn() {} });
    return;
  }
  interopTest(name, programs, async () => {
    await using pair = await NetnsPair.open();
    await fn(pair);
  });
}

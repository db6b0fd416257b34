/** Two daemons beside each other: ours, and Transmission's. */
import { Daemon } from "../../daemon/daemon.ts";
import { DaemonServer } from "../../daemon/daemon_server.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";
import {
  freePort,
  Transmission,
  type TransmissionRelease,
  TRANSMISSIONS,
} from "./programs.ts";
import { run as runToEnd } from "../support/process.ts";

type Json = Record<string, unknown>;

const FILES: readonly [string, number, number][] = [
  ["a.txt", 50_000, 1],
  ["b.mkv", 300_000, 2],
  ["sub/c.bin", 70_000, 3],
];

/** A daemon as its remotes see it. */
export interface Remote {
  /** `ours` or `theirs`. */
  readonly name: string;
  readonly port: number;
  /** Where it downloads to; the payload is there already. */
  readonly dir: string;
  /** Another folder. */
  readonly otherDir: string;
}

/** Both daemons, with a torrent whose payload is there. */
export class RpcScene implements AsyncDisposable {
  readonly #temp = new TempDir();
  readonly #stack = new AsyncDisposableStack();
  /** A torrent file, called `payload`. */
  readonly torrent: string = this.#temp.join("payload.torrent");
  /** Where another one is, called `fetched`, whose payload is nowhere. */
  url = "";
  remotes: readonly Remote[] = [];

  static async open(
    release: TransmissionRelease = TRANSMISSIONS[0],
  ): Promise<RpcScene> {
    const scene = new RpcScene();
    const tracker = `http://127.0.0.1:${freePort()}/announce`;
    const make = (name: string) =>
      createMetainfo({
        name,
        inputs: FILES.map(([path, size, fill]) => ({
          path: path.split("/"),
          bytes: new Uint8Array(size).fill(fill),
        })),
        trackers: [[tracker]],
        comment: "a comment",
        pieceLength: 16_384,
        version: "v1",
      });
    await Deno.writeFile(scene.torrent, await make("payload"));
    const fetched = await make("fetched");
    const web = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response(fetched),
    );
    scene.#stack.defer(() => web.shutdown());
    scene.url = `http://127.0.0.1:${web.addr.port}/fetched.torrent`;
    scene.remotes = [await scene.#ours(), await scene.#theirs(release)];
    return scene;
  }

  /** A folder with the payload, and another one. */
  async #folders(name: string): Promise<Pick<Remote, "dir" | "otherDir">> {
    const dir = this.#temp.join(name);
    const otherDir = this.#temp.join(`${name}-other`);
    await Deno.mkdir(otherDir);
    await Deno.mkdir(`${dir}/payload/sub`, { recursive: true });
    for (const [path, size, fill] of FILES) {
      const bytes = new Uint8Array(size).fill(fill);
      await Deno.writeFile(`${dir}/payload/${path}`, bytes);
    }
    return { dir, otherDir };
  }

  async #ours(): Promise<Remote> {
    const folders = await this.#folders("ours");
    const daemon = await Daemon.open({
      state: this.#temp.join("state.db"),
      dir: folders.dir,
      session: {
        listen: { hostname: "127.0.0.1", port: 0 },
        dht: false,
        lpd: false,
        portMap: false,
      },
      fetchTorrent: async (url, signal) =>
        await (await fetch(url, { signal })).bytes(),
    });
    this.#stack.use(daemon);
    const server = DaemonServer.open(daemon, {
      listen: { hostname: "127.0.0.1", port: 0 },
    });
    this.#stack.use(server);
    return { name: "ours", port: server.local.port, ...folders };
  }

  async #theirs(release: TransmissionRelease): Promise<Remote> {
    const folders = await this.#folders("theirs");
    const transmission = new Transmission(folders.dir, 1, release);
    this.#stack.use(transmission);
    await transmission.ready();
    return { name: "theirs", port: transmission.rpcPort, ...folders };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.#temp[Symbol.asyncDispose]();
  }
}

const sessionIds = new Map<number, string>();

/** Sends a body; gives the answer. */
export async function post({ port }: Remote, body: string): Promise<Response> {
  while (true) {
    const response = await fetch(`http://127.0.0.1:${port}/transmission/rpc`, {
      method: "POST",
      headers: { "x-transmission-session-id": sessionIds.get(port) ?? "" },
      body,
    });
    if (response.status !== 409) return response;
    await response.body?.cancel();
    sessionIds.set(port, response.headers.get("x-transmission-session-id")!);
  }
}

/** Calls a method of the older dialect; gives what it says. */
export async function callLegacy(
  remote: Remote,
  method: string,
  given: Json = {},
): Promise<{ result: string; arguments: Json }> {
  const body = JSON.stringify({ method, arguments: given });
  return await (await post(remote, body)).json();
}

/** Calls a method by JSON-RPC 2.0; gives the whole answer. */
export async function callJson(
  remote: Remote,
  method: string,
  params?: Json,
): Promise<Json> {
  const call = { jsonrpc: "2.0", method, params, id: 1 };
  return await (await post(remote, JSON.stringify(call))).json();
}

/** Every field of version 16 of the protocol, which Debian's speaks. */
const FIELDS = `activityDate addedDate bandwidthPriority comment corruptEver
  creator dateCreated desiredAvailable doneDate downloadDir downloadedEver
  downloadLimit downloadLimited editDate error errorString eta etaIdle files
  fileStats hashString haveUnchecked haveValid honorsSessionLimits id isFinished
  isPrivate isStalled labels leftUntilDone magnetLink manualAnnounceTime
  maxConnectedPeers metadataPercentComplete name peer-limit peers
  peersConnected peersFrom peersGettingFromUs peersSendingToUs percentDone
  pieces pieceCount pieceSize priorities queuePosition rateDownload rateUpload
  recheckProgress secondsDownloading secondsSeeding seedIdleLimit seedIdleMode
  seedRatioLimit seedRatioMode sizeWhenDone startDate status trackers
  trackerStats totalSize torrentFile uploadedEver uploadLimit uploadLimited
  uploadRatio wanted webseeds webseedsSendingToUs`.split(/\s+/);

async function torrentsOf(remote: Remote): Promise<Json[]> {
  const { arguments: given } = await callLegacy(remote, "torrent-get", {
    fields: FIELDS,
  });
  return (given.torrents as Json[]).toSorted((a, b) =>
    String(a.name) < String(b.name) ? -1 : 1
  );
}

/** Waits until a torrent is as it should be. */
export async function until(
  remote: Remote,
  check: (torrents: Json[]) => boolean,
): Promise<Json[]> {
  const end = Date.now() + 20_000;
  while (true) {
    const torrents = await torrentsOf(remote);
    if (check(torrents)) return torrents;
    if (Date.now() > end) throw new Error(JSON.stringify(torrents, null, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs a program to its end; gives the lines that it printed. */
export async function run(
  command: string,
  ...args: string[]
): Promise<string[]> {
  return (await runToEnd(command, ...args)).trim().split("\n");
}

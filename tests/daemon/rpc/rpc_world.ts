/** A daemon without a network, and its RPC. */
import { Daemon } from "../../../daemon/daemon.ts";
import { RpcService } from "../../../daemon/rpc/rpc_service.ts";
import type { RpcServiceOptions } from "../../../daemon/rpc/rpc_service.ts";
import type { DaemonOptions } from "../../../daemon/types.ts";
import { systemClock } from "../../../_shared/clock.ts";
import { createMetainfo } from "../../../metainfo/mod.ts";
import { TempDir } from "../../support/paths.ts";

type Json = Record<string, unknown>;

/** A torrent of two files, `top/a.txt` and `top/b.mkv`, as bytes. */
export async function twoFiles(name = "top"): Promise<Uint8Array> {
  return await createMetainfo({
    name,
    inputs: [
      { path: ["a.txt"], bytes: new Uint8Array(40_000).fill(1) },
      { path: ["b.mkv"], bytes: new Uint8Array(60_000).fill(2) },
    ],
    trackers: [["http://127.0.0.1:9/announce"]],
  });
}

export class RpcWorld implements AsyncDisposable {
  readonly dir = new TempDir();
  daemon!: Daemon;
  service!: RpcService;
  /** How often the end was asked for. */
  shutdowns = 0;
  /** Milliseconds that the daemon's time of day is ahead. */
  ahead = 0;

  static async open(
    options: Partial<DaemonOptions> = {},
    more: Partial<RpcServiceOptions> = {},
  ): Promise<RpcWorld> {
    const world = new RpcWorld();
    const now = () => Date.now() + world.ahead;
    world.daemon = await Daemon.open({
      state: ":memory:",
      dir: world.dir.path,
      session: {
        listen: false,
        dht: false,
        lpd: false,
        portMap: false,
        trackers: false,
      },
      now,
      ...options,
    });
    world.service = new RpcService({
      daemon: world.daemon,
      clock: systemClock,
      now,
      sessionId: "sid",
      version: "4.1.1 (test)",
      configDir: "/config",
      torrentDirs: [],
      shutdown: () => world.shutdowns++,
      ...more,
    });
    return world;
  }

  /** Calls a method with names of version 6; throws what is answered instead. */
  async call(method: string, params: Json = {}): Promise<Json> {
    const { result, error } = await this.service.answer(
      JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 }),
    ) as {
      result: Json;
      error?: { code: number; message: string; data?: Json };
    };
    if (error === undefined) return result;
    const { code, message, data } = error;
    throw Object.assign(new Error(String(data?.error_string ?? message)), {
      code,
    });
  }

  /** Calls a method of the older dialect. */
  async legacy(method: string, given: Json = {}): Promise<Json> {
    return await this.service.answer(
      JSON.stringify({ method, arguments: given, tag: 1 }),
    ) as Json;
  }

  /** Adds a stopped torrent of two files; gives its id. */
  async add(name?: string, params: Json = {}): Promise<number> {
    const metainfo = (await twoFiles(name)).toBase64();
    const result = await this.call("torrent_add", {
      metainfo,
      paused: true,
      ...params,
    });
    return (result.torrent_added as { id: number }).id;
  }

  /** Fields of one torrent. */
  async get(id: number, ...fields: string[]): Promise<Json> {
    const { torrents } = await this.call("torrent_get", { ids: id, fields });
    return (torrents as Json[])[0]!;
  }

  /** Waits until the files of a torrent are checked. */
  async checked(id: number): Promise<void> {
    const { torrent } = this.daemon.get(id)!;
    const events = torrent.events();
    if (torrent.state !== "checking") return;
    for await (const _ of events) if (torrent.state !== "checking") return;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.service[Symbol.dispose]();
    await this.daemon.close();
    await this.dir[Symbol.asyncDispose]();
  }
}

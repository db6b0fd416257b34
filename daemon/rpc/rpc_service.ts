/**
 * Transmission's RPC over a daemon.
 *
 * @module
 */
import { type Clock, sleep } from "../../_shared/clock.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import { DaemonError } from "../error.ts";
import {
  checkParams,
  isAbsolutePath,
  isRpcMethod,
  type RpcMethod,
} from "./params.ts";
import { addTorrent } from "./add_torrent.ts";
import { CallTurns } from "./call_turns.ts";
import {
  parseRpcRequest,
  replyTo,
  type RpcCall,
  type RpcParams,
  RpcReply,
} from "./envelope.ts";
import { RpcError } from "./error.ts";
import { isRecentlyActive, RecentlyActive } from "./recently_active.ts";
import {
  freeSpace,
  getGroups,
  readSession,
  type SessionSource,
  sessionStats,
  setGroup,
  testPort,
  updateBlocklist,
} from "./session_calls.ts";
import { sessionChanges } from "./session_fields.ts";
import {
  fileChoices,
  torrentChanges,
  trackerChanges,
} from "./torrent_changes.ts";
import { getTorrents } from "./torrent_get.ts";
import { TorrentMemory } from "./torrent_memory.ts";
import { type RpcMoment, TorrentView } from "./torrent_view.ts";

/** Methods that change nothing, or wait for others: nobody waits for them. */
const AT_ONCE: ReadonlySet<RpcMethod> = new Set<RpcMethod>([
  "torrent_get",
  "torrent_add",
  "session_get",
  "session_stats",
  "session_close",
  "group_get",
  "free_space",
  "port_test",
  "blocklist_update",
]);

/** Characters of the answers to a batch after which no more are made. */
const MAX_ANSWERS = 32 * 1024 * 1024;

/** Options of {@linkcode RpcService}. */
export interface RpcServiceOptions extends SessionSource {
  /** The clock of its session. */
  readonly clock: Clock;
  /** Reads the time: milliseconds since 1970. */
  readonly now: () => number;
  /** Folders below which torrent files are read that a remote names. */
  readonly torrentDirs: readonly string[];
  /** Ends the program; called once the answer is on its way. */
  readonly shutdown: () => void;
}

/** Answers calls. */
export class RpcService implements Disposable {
  readonly #options: RpcServiceOptions;
  readonly #memory = new TorrentMemory();
  readonly #recent: RecentlyActive;
  readonly #ending = new AbortController();
  /** Calls that change something, one after the other. */
  readonly #turns: CallTurns;
  readonly #handlers: Readonly<
    Record<
      RpcMethod,
      (params: RpcParams, call: RpcCall) => RpcParams | Promise<RpcParams>
    >
  >;

  /** Begins to follow the daemon. */
  constructor(options: RpcServiceOptions) {
    this.#options = options;
    const { daemon, now, clock } = options;
    this.#turns = new CallTurns(clock, this.#ending.signal);
    this.#recent = new RecentlyActive(daemon, now);
    void this.#follow();
    const queue = (where: "top" | "up" | "down" | "bottom") =>
    (
      params: RpcParams,
    ) => {
      daemon.moveInQueue(this.#torrents(params), where);
      return {};
    };
    this.#handlers = {
      torrent_get: (params, { dialect }) =>
        getTorrents(
          this.#torrents(params).map((one) => this.#view(one)),
          params,
          dialect,
          this.#recent,
        ),
      torrent_set: (params) => this.#set(params),
      torrent_add: (params) => this.#add(params),
      torrent_remove: (params) => this.#remove(params),
      torrent_start: (params) => this.#start(params, false),
      torrent_start_now: (params) => this.#start(params, true),
      torrent_stop: (params) => this.#each(params, (one) => one.stop()),
      torrent_verify: (params) =>
        this.#each(params, (one) => {
          if (one.torrent.metainfo !== undefined) one.verify();
        }),
      torrent_reannounce: (params) =>
        this.#each(params, (one) => one.reannounce()),
      torrent_set_location: (params) => this.#setLocation(params),
      torrent_rename_path: (params) => this.#rename(params),
      queue_move_top: queue("top"),
      queue_move_up: queue("up"),
      queue_move_down: queue("down"),
      queue_move_bottom: queue("bottom"),
      session_get: (params, { dialect }) =>
        readSession(options, params, dialect),
      session_set: (params) => {
        daemon.set(sessionChanges(params, daemon.settings));
        return {};
      },
      session_stats: () => sessionStats(daemon),
      session_close: () => {
        // The answer goes out first.
        queueMicrotask(options.shutdown);
        return {};
      },
      blocklist_update: () => updateBlocklist(daemon),
      port_test: (params) => testPort(daemon.session, params),
      free_space: (params) => freeSpace(daemon, params),
      group_get: (params) => getGroups(daemon.settings, params),
      group_set: (params) => setGroup(daemon, params),
    };
  }

  /** Follows the daemon no more. */
  [Symbol.dispose](): void {
    this.#ending.abort();
    this.#recent[Symbol.dispose]();
  }

  /**
   * Answers a body; never rejects.
   *
   * @param text The body.
   * @returns Plain JSON, or `undefined` where nothing is to be said.
   */
  async answer(text: string): Promise<unknown> {
    const { calls, isBatch } = parseRpcRequest(text);
    const replies: unknown[] = [];
    let length = 0;
    for (const call of calls) {
      const reply = call instanceof RpcReply
        ? call
        : length > MAX_ANSWERS
        ? replyTo(call, new RpcError("request", "the answers are too long"))
        : await this.#reply(call);
      // Others have their turn.
      if (isBatch) await sleep(this.#options.clock, 0);
      if (reply === undefined) continue;
      replies.push(reply.json);
      if (isBatch) length += JSON.stringify(reply.json).length;
    }
    return isBatch && replies.length > 0 ? replies : replies[0];
  }

  async #reply(call: RpcCall): Promise<RpcReply | undefined> {
    const { method } = call;
    try {
      if (!isRpcMethod(method)) throw new RpcError("method");
      const params = checkParams(method, call.params);
      const work = () => this.#handlers[method](params, call);
      const result = AT_ONCE.has(method) ? work() : this.#turns.take(work);
      return replyTo(call, await result);
    } catch (error) {
      return replyTo(call, rpcError(error));
    }
  }

  /** What was chosen during a check holds from its end on. */
  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for await (const event of this.#options.daemon.events({ signal })) {
      if (event.type !== "status" || event.status === "checking") continue;
      await this.#memory.settle(event.torrent).catch(() => {});
    }
  }

  #view(torrent: DaemonTorrent): TorrentView {
    return new TorrentView(torrent, this.#moment());
  }

  #moment(): RpcMoment {
    const { now, clock, daemon } = this.#options;
    return {
      now: now(),
      clock: clock.now(),
      settings: daemon.settings,
      memory: this.#memory,
    };
  }

  /** The torrents that `ids` means; all if there is none. */
  #torrents({ ids }: RpcParams): readonly DaemonTorrent[] {
    const { daemon } = this.#options;
    if (ids === undefined) return daemon.torrents;
    const found = new Set<DaemonTorrent>();
    for (const id of Array.isArray(ids) ? ids : [ids]) {
      if (isRecentlyActive(id)) {
        for (const one of this.#recent.torrents()) found.add(one);
      }
      const isKey = typeof id === "number" ||
        (typeof id === "string" && /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(id));
      const torrent = isKey ? daemon.get(id) : undefined;
      if (torrent !== undefined) found.add(torrent);
    }
    return [...found];
  }

  #each(
    params: RpcParams,
    work: (torrent: DaemonTorrent) => void,
  ): RpcParams {
    this.#torrents(params).forEach(work);
    return {};
  }

  async #set(params: RpcParams): Promise<RpcParams> {
    const { daemon } = this.#options;
    for (const torrent of this.#torrents(params)) {
      const { metainfo } = torrent.torrent;
      // What makes no sense changes nothing.
      const changes = torrentChanges(params, torrent);
      const choices = fileChoices(params, metainfo?.files.length ?? 0);
      const tiers = trackerChanges(params, this.#view(torrent).trackers);
      if (Object.keys(changes).length > 0) torrent.set(changes);
      const { group } = changes;
      if (group && !Object.hasOwn(daemon.settings.groups, group)) {
        setGroup(daemon, { name: group });
      }
      if (choices.size > 0) await this.#memory.choose(torrent, choices);
      if (tiers !== undefined) await torrent.setTrackers(tiers);
      const { queue_position: place, location } = params;
      if (place !== undefined) {
        daemon.moveInQueue([torrent], Math.max(0, place as number));
      }
      if (location !== undefined) {
        await this.#setLocation({ ids: torrent.id, location, move: true });
      }
    }
    return {};
  }

  async #add(params: RpcParams): Promise<RpcParams> {
    const { daemon, torrentDirs } = this.#options;
    const tell = ({ id, name, infoHash }: DaemonTorrent) => ({
      hash_string: infoHash,
      id,
      name,
    });
    try {
      const torrent = await addTorrent(daemon, params, torrentDirs);
      return { torrent_added: tell(torrent) };
    } catch (error) {
      const isHere = error instanceof DaemonError && error.code === "duplicate";
      const torrent = isHere ? daemon.get(error.id ?? -1) : undefined;
      if (torrent === undefined) throw error;
      return { torrent_duplicate: tell(torrent) };
    }
  }

  async #remove(params: RpcParams): Promise<RpcParams> {
    const { daemon } = this.#options;
    const data = params.delete_local_data === true;
    await this.#turns.patiently(
      this.#torrents(params).map((one) => daemon.remove(one, { data })),
    );
    return {};
  }

  #start(params: RpcParams, now: boolean): RpcParams {
    const torrents = this.#torrents(params)
      .toSorted((a, b) => a.queuePosition - b.queuePosition);
    for (const torrent of torrents) torrent.start({ now });
    return {};
  }

  async #setLocation(params: RpcParams): Promise<RpcParams> {
    const { location, move = false } = params;
    if (location === undefined) throw new RpcError("params", "no location");
    if (!isAbsolutePath(location as string)) {
      throw new RpcError("not-absolute", "new location path is not absolute");
    }
    await this.#turns.patiently(
      this.#torrents(params).map((one) =>
        one.move(location as string, { data: move as boolean })
      ),
    );
    return {};
  }

  async #rename(params: RpcParams): Promise<RpcParams> {
    const { path = "", name = "" } = params as Record<string, string>;
    const [torrent, ...more] = this.#torrents(params);
    if (torrent === undefined || more.length > 0) {
      throw new RpcError("params", "torrent_rename_path requires 1 torrent");
    }
    const result = { id: torrent.id, name, path };
    try {
      await torrent.rename(path, name);
    } catch (error) {
      throw new RpcError("system", (error as Error).message, result);
    }
    return result;
  }
}

/** What an error is called in the protocol. */
function rpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const { message, name } = error as Error;
  if (error instanceof DaemonError) {
    switch (error.code) {
      case "bad-source":
        return new RpcError("unrecognized");
      case "not-fetched":
        return new RpcError("http", `Couldn't fetch torrent: ${message}`);
      case "bad-setting":
        return new RpcError("params", message);
      default:
        return new RpcError("system", message);
    }
  }
  if (name === "DiskError" || name === "SessionError") {
    return new RpcError("system", message);
  }
  return new RpcError("internal");
}

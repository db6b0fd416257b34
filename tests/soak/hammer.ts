/** Remotes that never rest: what they do to a daemon, and what must be true then. */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import {
  type RemoteClient,
  RemoteError,
  type RemoteResult,
} from "../../daemon/remote_client.ts";
import { payloadBytes } from "../support/payload.ts";
import type { SoakedDaemon } from "./soaked_daemon.ts";
import { type Counts, pause, type Title } from "./world.ts";

/** Fields of a torrent that are looked at. */
const FIELDS = [
  ...["id", "hash_string", "name", "labels", "percent_done", "download_dir"],
  ...["files", "status", "error", "error_string", "left_until_done"],
];
/** Why a change may be refused while a disk is full. */
const FULL = /no space|disk is full|os error 28/i;
/** What else may be in the way: files that are not all known, or being moved. */
const BUSY =
  /before (they|the torrent's files) are known|being checked|is being moved|and goes on/i;

/** A torrent of the library, as it should be at the daemon. */
interface Entry {
  readonly title: Title;
  /** `undefined` while an answer is missing. */
  present: boolean | undefined;
  /** Absent where an answer is missing. */
  labels: readonly string[] | undefined;
  id: number;
}

/** Remotes of one daemon, and what they know. */
export class Hammer {
  readonly daemon: SoakedDaemon;
  readonly failures: string[] = [];
  readonly #entries: readonly Entry[];
  readonly #random: RandomSource;
  readonly #counts: Counts;
  /** Nobody else's. */
  readonly remote: RemoteClient;
  /** Resolved while the daemon is there. */
  #open: PromiseWithResolvers<void> = Promise.withResolvers();
  #isOpen = false;
  #busy = 0;
  #turn: Promise<void> = Promise.resolve();
  #ids = new Set<number>();

  constructor(
    daemon: SoakedDaemon,
    titles: readonly Title[],
    random: RandomSource,
    counts: Counts,
  ) {
    this.daemon = daemon;
    this.remote = daemon.remote();
    this.#random = random;
    this.#counts = counts;
    this.#entries = titles.map((title) => ({
      title,
      present: false,
      labels: [],
      id: 0,
    }));
  }

  /** Whether remotes may call. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Lets the remotes go on. */
  open(): void {
    this.#isOpen = true;
    this.#open.resolve();
  }

  /** Lets nobody begin; those under way are to end by themselves. */
  shut(): void {
    this.#isOpen = false;
    this.#open = Promise.withResolvers();
  }

  async #settled(): Promise<void> {
    while (this.#busy > 0) await pause(10);
  }

  /** Does something while no call is under way, one thing at a time. */
  quietly(work: () => Promise<void>): Promise<void> {
    return this.#turn = this.#turn.then(async () => {
      this.shut();
      await this.#settled();
      await work();
      this.open();
    });
  }

  /** Kills the daemon while calls are under way, and starts it again. */
  survive(): Promise<void> {
    return this.#turn = this.#turn.then(async () => {
      this.shut();
      await this.daemon.kill();
      await this.#settled();
      await this.daemon.start();
      await this.reconcile(true);
      this.open();
    });
  }

  /** How many torrents should be there. */
  get present(): number {
    return this.#entries.filter(({ present }) => present).length;
  }

  /** Torrents that should be there. */
  get titles(): Title[] {
    return this.#entries.filter(({ present }) => present)
      .map(({ title }) => title);
  }

  /** Removes all torrents with their files. */
  async removeAll(): Promise<void> {
    await this.remote.call("torrent_remove", { delete_local_data: true });
    for (const entry of this.#entries) entry.present = false;
    await this.reconcile(false);
  }

  /** Works until the signal fires; each worker has torrents of its own. */
  async work(workers: number, signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: workers }, async (_, worker) => {
      const own = this.#entries.filter((_, i) => i % workers === worker);
      let remote = this.daemon.remote();
      while (!signal.aborted) {
        await Promise.race([this.#open.promise, pause(1000, signal)]);
        if (!this.#isOpen || signal.aborted) continue;
        this.#busy++;
        try {
          await this.#act(remote, own[randomInt(this.#random, own.length)]!);
        } catch (error) {
          this.#refused(error);
          remote = this.daemon.remote();
        } finally {
          this.#busy--;
        }
        await pause(randomInt(this.#random, 60), signal);
      }
    }));
  }

  #refused(error: unknown): void {
    const { message } = error as Error;
    const code = error instanceof RemoteError ? error.code : "other";
    if (code === "unreachable" && !this.#isOpen) this.#counts.add("lost calls");
    else if (code === "failed" && FULL.test(message)) {
      this.#counts.add("calls refused by a full disk");
    } else if (code === "failed" && BUSY.test(message)) {
      this.#counts.add("calls that came too early");
    } else {
      let why = "";
      for (let at = error; at instanceof Error && at.cause; at = at.cause) {
        why += ` (${at.cause})`;
      }
      this.failures.push(`${this.daemon.place.name}: ${message}${why}`);
    }
  }

  async #act(remote: RemoteClient, entry: Entry): Promise<void> {
    this.#counts.add("calls");
    if (entry.present !== true) return await this.#add(remote, entry);
    const { id } = entry;
    const ids = [id];
    const { place } = this.daemon;
    switch (randomInt(this.#random, 16)) {
      case 0:
        return await this.#remove(remote, entry);
      case 1:
        return void await remote.call("torrent_stop", { ids });
      case 2:
      case 3:
        return void await remote.call("torrent_start", { ids });
      case 4:
        return void await remote.call("torrent_start_now", { ids });
      case 5: {
        const labels = [`l${randomInt(this.#random, 5)}`];
        entry.labels = undefined;
        await remote.call("torrent_set", { ids, labels });
        entry.labels = labels;
        return;
      }
      case 6:
        return void await remote.call("torrent_set", {
          ids,
          download_limited: randomInt(this.#random, 2) === 0,
          download_limit: 200 + randomInt(this.#random, 3000),
          bandwidth_priority: randomInt(this.#random, 3) - 1,
          peer_limit: 5 + randomInt(this.#random, 50),
        });
      case 7:
        return void await remote.call("torrent_set", {
          ids,
          [randomInt(this.#random, 3) > 0 ? "files_wanted" : "files_unwanted"]:
            [0],
          priority_high: [0],
        }).catch((error) => {
          // A link whose files are not known has none.
          if (!/index/.test(error.message)) throw error;
        });
      case 8:
        return void await remote.call("torrent_verify", { ids });
      case 9:
        return void await remote.call("torrent_reannounce", { ids });
      case 10:
        return void await remote.call("torrent_set_location", {
          ids,
          location: randomInt(this.#random, 2) === 0
            ? place.dir
            : place.otherDir,
          move: true,
        });
      case 11:
        return void await remote.call(
          `queue_move_${
            ["top", "up", "down", "bottom"][randomInt(this.#random, 4)]
          }`,
          { ids },
        );
      case 12:
        return void await remote.call("session_set", {
          alt_speed_enabled: randomInt(this.#random, 4) === 0,
          alt_speed_down: 500,
          alt_speed_up: 500,
          download_queue_size: 3 + randomInt(this.#random, 8),
        });
      case 13:
        return await this.#rename(remote, entry);
      default:
        return await this.#compare(remote, entry);
    }
  }

  async #add(remote: RemoteClient, entry: Entry): Promise<void> {
    const { title } = entry;
    const { place } = this.daemon;
    const way = randomInt(this.#random, 3);
    const labels = [`l${randomInt(this.#random, 5)}`];
    entry.present = undefined;
    let answer: RemoteResult;
    try {
      answer = await remote.call("torrent_add", {
        ...way === 0 && title.version !== "v2"
          ? { filename: title.magnet }
          : { metainfo: title.torrent.toBase64() },
        labels,
        paused: randomInt(this.#random, 6) === 0,
        download_dir: randomInt(this.#random, 2) === 0
          ? place.dir
          : place.otherDir,
      });
    } catch (error) {
      // Refused is not added.
      if ((error as RemoteError).code === "failed") entry.present = false;
      throw error;
    }
    const added = answer.torrent_added as RemoteResult | undefined;
    if (added === undefined) {
      this.failures.push(`${title.name} was there: ${JSON.stringify(answer)}`);
    }
    const { id } = (added ?? answer.torrent_duplicate) as { id: number };
    if (this.#ids.has(id)) this.failures.push(`Id ${id} was given twice`);
    this.#ids.add(id);
    Object.assign(entry, { present: true, id, labels });
    this.#counts.add("torrents added");
  }

  async #remove(remote: RemoteClient, entry: Entry): Promise<void> {
    entry.present = undefined;
    try {
      await remote.call("torrent_remove", {
        ids: [entry.id],
        delete_local_data: true,
      });
    } catch (error) {
      const [there] = await get(remote, [entry.id]).catch(() => []);
      if ((error as RemoteError).code === "failed") {
        entry.present = there !== undefined;
      }
      throw error;
    }
    entry.present = false;
    this.#counts.add("torrents removed");
  }

  async #rename(remote: RemoteClient, { id }: Entry): Promise<void> {
    const [torrent] = await get(remote, [id]);
    const file = torrent?.files[0];
    if (torrent === undefined || file === undefined) return;
    const name = file.name.split("/").at(-1)!;
    await remote.call("torrent_rename_path", {
      ids: [id],
      path: file.name,
      name: name === "a.bin" ? "renamed.bin" : "a.bin",
    });
  }

  /** What is complete is what it should be, wherever it lies. */
  async #compare(remote: RemoteClient, entry: Entry): Promise<void> {
    const [torrent] = await get(remote, [entry.id]);
    if (torrent === undefined) {
      this.failures.push(`${entry.title.name} is lost`);
      return;
    }
    const isWhole = torrent.status === 6 &&
      torrent.files.every(({ length, bytes_completed }) =>
        length === bytes_completed
      );
    if (!isWhole) return;
    this.#counts.add("torrents compared");
    const wrong = await compare(torrent, entry.title);
    if (wrong !== undefined) {
      // It may have been checked, moved or stopped meanwhile: then it says so.
      const [now] = await get(remote, [entry.id]);
      if (JSON.stringify(now) !== JSON.stringify(torrent)) return;
      this.failures.push(`${entry.title.name}: ${wrong}`);
    }
  }

  /**
   * Holds the daemon's list against what it was told.
   *
   * @param fresh Whether it was killed, so that an answer may be missing, and what
   * was changed last may be forgotten.
   */
  async reconcile(fresh: boolean): Promise<void> {
    const there = await get(this.daemon.remote());
    const byHash = new Map(there.map((one) => [one.hash_string, one]));
    for (const entry of this.#entries) {
      const { title, present } = entry;
      const torrent = byHash.get(title.hash);
      byHash.delete(title.hash);
      if (present !== undefined && present !== (torrent !== undefined)) {
        this.failures.push(
          `${this.daemon.place.name}: ${title.name} ${
            present ? "is lost" : "is there again"
          }`,
        );
      }
      entry.present = torrent !== undefined;
      if (torrent === undefined) continue;
      entry.id = torrent.id;
      this.#ids.add(torrent.id);
      const same = `${entry.labels}` === `${torrent.labels}`;
      if (!same && !fresh && entry.labels !== undefined) {
        this.failures.push(
          `${title.name} has labels ${torrent.labels}, not ${entry.labels}`,
        );
      }
      entry.labels = torrent.labels;
    }
    for (const { name } of byHash.values()) {
      this.failures.push(`${name} came from nowhere`);
    }
  }

  /** Whether what remotes are told and `/metrics` agree, while nobody calls. */
  async agree(): Promise<void> {
    let told = "";
    // Payload moves between one answer and the next.
    for (let attempt = 0; attempt < 20; attempt++) {
      const before = await this.remote.call("session_stats");
      const metrics = await this.daemon.metrics();
      const after = await this.remote.call("session_stats");
      const { downloaded_bytes: downloaded, uploaded_bytes: uploaded } = before
        .cumulative_stats as Record<string, number>;
      const pairs = {
        torrents: [before.torrent_count, metrics.get("bip_torrents") ?? 0],
        downloaded: [downloaded, metrics.get("bip_downloaded_bytes_total")],
        uploaded: [uploaded, metrics.get("bip_uploaded_bytes_total")],
      };
      told = JSON.stringify(pairs);
      const isSame = Object.values(pairs).every(([a, b]) => a === b);
      const isStill = JSON.stringify(before.cumulative_stats) ===
        JSON.stringify(after.cumulative_stats);
      if (isSame || before.torrent_count === this.present && !isStill) return;
      await pause(100);
    }
    this.failures.push(`${this.daemon.place.name}: figures differ: ${told}`);
  }

  /** Looks at everything, as a page does. */
  async watch(signal: AbortSignal): Promise<void> {
    const { daemon } = this;
    const paths = ["/", "/metrics", "/stream/"];
    while (!signal.aborted) {
      await Promise.race([this.#open.promise, pause(1000, signal)]);
      if (!this.#isOpen || signal.aborted) continue;
      this.#busy++;
      try {
        const remote = daemon.remote();
        const all = await get(remote, "recently_active");
        const path = paths[randomInt(this.#random, paths.length)]!;
        const at = path === "/stream/" && all.length > 0
          ? `/stream/${all[0]!.hash_string}/0`
          : path;
        const response = await daemon.fetch(`${daemon.rpcUrl}${at}`, {
          headers: { range: "bytes=0-99" },
          signal: AbortSignal.timeout(5_000),
        });
        await response.bytes();
        if (response.status >= 500 && response.status !== 503) {
          this.failures.push(`${at} answers ${response.status}`);
        }
        this.#counts.add("looks");
      } catch (error) {
        // A stream waits for its pieces, and ends with its torrent.
        const isStream = !(error instanceof RemoteError);
        if (!isStream && this.#isOpen) this.#refused(error);
      } finally {
        this.#busy--;
      }
      await pause(400, signal);
    }
  }
}

/** A torrent as the daemon tells of it. */
export interface ToldTorrent {
  readonly id: number;
  readonly hash_string: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly percent_done: number;
  readonly left_until_done: number;
  readonly download_dir: string;
  readonly status: number;
  readonly error: number;
  readonly error_string: string;
  readonly files: readonly {
    readonly name: string;
    readonly length: number;
    readonly bytes_completed: number;
  }[];
}

/** Asks for torrents. */
export async function get(
  remote: RemoteClient,
  ids?: readonly number[] | "recently_active",
): Promise<ToldTorrent[]> {
  const { torrents } = await remote.call("torrent_get", {
    fields: FIELDS,
    ...ids === undefined ? {} : { ids },
  });
  return torrents as ToldTorrent[];
}

/** Compares the files of a torrent with the library; says what is wrong. */
export async function compare(
  torrent: ToldTorrent,
  title: Title,
): Promise<string | undefined> {
  const wanted = Object.entries(title.files);
  const real = torrent.files.filter(({ name }) => !name.includes(".pad/"));
  for (const { name, length } of real) {
    const path = `${torrent.download_dir}/${name}`;
    // A file's length tells which one it is, however it is called.
    const source = wanted.find(([, size]) => size === length);
    if (source === undefined) return `${name} has ${length} bytes`;
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(path);
    } catch (error) {
      return (error as Error).message;
    }
    const expected = payloadBytes(...source);
    const at = bytes.length === length
      ? bytes.findIndex((byte, i) => byte !== expected[i])
      : bytes.length;
    if (at >= 0) return `${path} differs at byte ${at} of ${length}`;
  }
  return undefined;
}

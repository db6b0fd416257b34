/**
 * Complete torrents are moved, renamed, checked, chosen from and removed at random,
 * by a daemon that crashes at any change of a file or of its state.
 */
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { equalBytes } from "../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { Daemon } from "../../daemon/daemon.ts";
import type { DaemonTorrent } from "../../daemon/daemon_torrent.ts";
import { filePath } from "../../metainfo/metainfo.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { type SimTorrent, simTorrent } from "../../testing/sim_torrent.ts";
import { TempDir } from "../support/paths.ts";

const SEEDS = Number(Deno.env.get("BIP_CRASH_SEEDS") ?? 6);
const STEPS = 15;

/** Lets so many changes happen; those after that fail, as in a program that is gone. */
class Fuse implements Disposable {
  left = Infinity;
  readonly #undo: (() => void)[] = [];

  constructor() {
    const { FsFile } = Deno;
    for (const name of ["rename", "remove", "mkdir", "copyFile"] as const) {
      this.#guard(Deno, name, true);
    }
    for (const name of ["renameSync", "removeSync", "mkdirSync"] as const) {
      this.#guard(Deno, name);
    }
    this.#guard(Deno, "openSync", false, (_path, options) => options?.write);
    this.#guard(FsFile.prototype, "writeSync");
    this.#guard(FsFile.prototype, "truncateSync");
    this.#guard(StatementSync.prototype, "run");
    const isKept = (sql: string) => /^(BEGIN|COMMIT)$/.test(sql);
    this.#guard(DatabaseSync.prototype, "exec", false, isKept);
  }

  get isBlown(): boolean {
    return this.left <= 0;
  }

  #guard<T extends object, K extends keyof T>(
    owner: T,
    name: K,
    isAsync = false,
    // deno-lint-ignore no-explicit-any
    counts: (...args: any[]) => unknown = () => true,
  ): void {
    const old = owner[name] as (...args: unknown[]) => unknown;
    // deno-lint-ignore no-this-alias
    const fuse = this;
    owner[name] = function (this: T, ...args: unknown[]) {
      if (counts(...args) && (fuse.isBlown || --fuse.left <= 0)) {
        const error = new Error("The program is gone");
        if (isAsync) return Promise.reject(error);
        throw error;
      }
      return old.apply(this, args);
    } as T[K];
    this.#undo.push(() => owner[name] = old as T[K]);
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

function* filesBelow(dir: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

const CONTENTS = [
  [["one/a", 100_000], ["one/b", 1], ["one/c", 0], ["one/sub/d", 70_001]],
  [["x", 40_000], ["y", 16_385]],
  [["single", 65_537]],
] as const;
const VERSIONS = ["v1", "hybrid", "v2"] as const;

const torrents: SimTorrent[] = [];
for (const [i, version] of VERSIONS.entries()) {
  torrents.push(
    await simTorrent(CONTENTS[i]!, { version, pieceLength: 16384, seed: i }),
  );
}

/** One daemon after the other, with the same files. */
class World {
  readonly clock = new SimClock();
  readonly dirs: readonly string[];
  daemon!: Daemon;
  readonly #dir: TempDir;
  readonly #other: TempDir;

  constructor(dir: TempDir, other: TempDir) {
    this.#dir = dir;
    this.#other = other;
    this.dirs = [dir.join("a"), dir.join("b/c"), other.join("d")];
  }

  async open(): Promise<void> {
    this.daemon = (await this.settle(Daemon.open({
      state: this.#dir.join("state.db"),
      dir: this.dirs[0]!,
      clock: this.clock,
      session: { listen: false, dht: false, lpd: false, portMap: false },
    })))!;
  }

  /** Waits for what may fail. */
  async settle<T>(work: Promise<T>): Promise<T | undefined> {
    let isOver = false;
    const done = work.catch(() => undefined).finally(() => isOver = true);
    while (!isOver) await this.#turn(50);
    return await done;
  }

  async #turn(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** Everything is where the daemon says, and nothing else is anywhere. */
  async check(known: ReadonlyMap<string, SimTorrent>, note: string) {
    const { daemon } = this;
    while (
      daemon.torrents.some(({ torrent }) => torrent.state === "checking")
    ) {
      await this.#turn(100);
    }
    await this.#turn(3_000);
    assertEquals(daemon.unread, [], note);
    assertEquals(daemon.torrents.length, known.size, note);
    const here = new Set<string>();
    for (const [hash, { metainfo, content }] of known) {
      const { torrent, dir, record } = daemon.get(hash)!;
      const what =
        `${note}: ${hash} ${torrent.state} ${torrent.error?.message}`;
      const { doneBytes, wantedBytes } = torrent.stats();
      assertEquals([torrent.dir, doneBytes], [dir, wantedBytes], what);
      assertEquals(record.moving ?? record.renaming, undefined, what);
      here.add(`${dir}/.${hash}.bip-part`);
      for (const { index, isPad, path, priority } of torrent.files) {
        if (isPad) continue;
        const place = `${dir}/${path.join("/")}`;
        here.add(place);
        if (priority === 0) continue;
        const right = content.get(filePath(metainfo, index).join("/"))!;
        const isRight = equalBytes(Deno.readFileSync(place), right);
        assert(isRight, `${what}: ${place}`);
      }
    }
    for (const root of [this.#dir.path, this.#other.path]) {
      for (const path of filesBelow(root)) {
        assert(here.has(path) || path.includes("state.db"), `${note}: ${path}`);
      }
    }
  }
}

/** Something that is done to a torrent. */
function act(
  one: DaemonTorrent,
  { daemon, dirs }: World,
  below: (n: number) => number,
): Promise<void> | void {
  const files = one.torrent.files.filter(({ isPad }) => !isPad);
  const { path, index } = files[below(files.length)]!;
  switch (below(9)) {
    case 0:
    case 1:
    case 2:
      return one.move(dirs[below(dirs.length)]!);
    case 3:
    case 4: {
      const from = path.slice(0, 1 + below(path.length)).join("/");
      return one.rename(from, `n${below(4)}-${one.torrent.files.length}`);
    }
    case 5:
      return one.verify();
    case 6:
      return one.stop();
    case 7:
      return one.setFilePriorities(new Map([[index, 4 * below(2)]]));
    default:
      return daemon.remove(one, { data: true });
  }
}

Deno.test(`a daemon that crashes at any change loses and leaves nothing (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seededRandom(seed);
    const below = (n: number) => randomInt(random, n);
    await using dir = new TempDir();
    await using other = new TempDir();
    using fuse = new Fuse();
    const world = new World(dir, other);
    const known = new Map<string, SimTorrent>();
    await world.open();
    for (let step = 0; step < STEPS; step++) {
      const note = `seed ${seed}, step ${step}`;
      for (const torrent of torrents) {
        if (known.has(torrent.metainfo.infoHash.toHex())) continue;
        const to = world.dirs[below(world.dirs.length)]!;
        for (const [path, bytes] of torrent.content) {
          const place = `${to}/${path}`;
          Deno.mkdirSync(place.replace(/\/[^/]*$/, ""), { recursive: true });
          Deno.writeFileSync(place, bytes);
        }
        const one = await world.settle(
          world.daemon.add(torrent.bytes, { dir: to }),
        );
        known.set(one!.infoHash, torrent);
      }
      const isCrash = below(2) === 0;
      if (isCrash) fuse.left = 1 + below(40);
      const works: Promise<unknown>[] = [];
      for (let k = below(3); k >= 0; k--) {
        const { torrents } = world.daemon;
        const one = torrents[below(torrents.length)];
        if (one === undefined) continue;
        works.push(
          world.settle((async () => await act(one, world, below))()),
        );
        for (let n = below(12); n > 0; n--) await Promise.resolve();
      }
      if (below(2) === 0) await Promise.all(works);
      if (isCrash) {
        fuse.left = 0;
        await world.settle(world.daemon.close());
        await Promise.all(works);
        fuse.left = Infinity;
        await world.open();
      }
      await Promise.all(works);
      for (const hash of known.keys()) {
        const one = world.daemon.get(hash);
        if (one === undefined) known.delete(hash);
        else if (!one.record.wanted) one.start();
      }
      await world.check(known, note);
    }
    await world.settle(world.daemon.close());
    assertEquals(world.clock.pending, 0);
  }
});

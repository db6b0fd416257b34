import { assertEquals } from "@std/assert";
import { findPaths } from "../../disk/find_paths.ts";
import type { FilePath, FileSystem } from "../../disk/file_system.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { torrent, v1Files } from "../metainfo/_torrents.ts";

const pure = { permissions: "none" } as const;

const folder = (...paths: string[]) =>
  parseMetainfo(torrent(v1Files(
    paths.map((path) => ({ length: 1, path: path.split("|") })),
    { name: "d" },
  )));

/** Names files by a key, as a disk that ignores case or form does. */
class FoldingFileSystem implements FileSystem {
  readonly #inner = new MemoryFileSystem();
  readonly #fold: (name: string) => string;
  writes = 0;

  constructor(fold: (name: string) => string = (name) => name) {
    this.#fold = fold;
  }

  #key(path: FilePath): string[] {
    return path.map(this.#fold);
  }

  open: FileSystem["open"] = (path, options) => {
    if (options?.write) this.writes++;
    return this.#inner.open(this.#key(path), options);
  };
  stat: FileSystem["stat"] = (path) => this.#inner.stat(this.#key(path));
  remove: FileSystem["remove"] = (path) => this.#inner.remove(this.#key(path));
  removeEmptyFolder: FileSystem["removeEmptyFolder"] = (path) =>
    this.#inner.removeEmptyFolder(this.#key(path));
  rename: FileSystem["rename"] = (from, to, options) =>
    this.#inner.rename(this.#key(from), this.#key(to), options);
  close: FileSystem["close"] = () => this.#inner.close();

  make(...paths: string[]): this {
    for (const path of paths) {
      const file = this.#inner.open(this.#key(`d|${path}`.split("|")), {
        write: true,
      });
      file.write(new Uint8Array(1), 0);
      file.close();
    }
    return this;
  }
}

async function found(
  fileSystem: FileSystem,
  torrent: ReturnType<typeof folder>,
  readOnly = false,
): Promise<string[]> {
  const paths = await findPaths(fileSystem, torrent, { readOnly });
  return paths.map((path) => path.slice(1).join("|"));
}

Deno.test(
  "findPaths() takes names as they stand where they are",
  pure,
  async () => {
    const zwj = folder("a\u200db", "c\\d", "e");
    const safe = ["ab", "cd", "e"];
    assertEquals(await found(new FoldingFileSystem(), zwj), safe);
    assertEquals(
      await found(new FoldingFileSystem().make(...safe), zwj),
      safe,
    );
    assertEquals(
      await found(new FoldingFileSystem().make("a\u200db", "c\\d", "e"), zwj),
      ["a\u200db", "c\\d", "e"],
    );
    assertEquals(
      await found(new FoldingFileSystem().make("c\\d"), zwj),
      ["ab", "c\\d", "e"],
    );
  },
);

Deno.test(
  "findPaths() puts what is missing beside its siblings",
  pure,
  async () => {
    const torrent = folder("x\u200b|a", "x\u200b|b\u200b", "y\u200b|c");
    const disk = new FoldingFileSystem().make("x\u200b|a");
    assertEquals(await found(disk, torrent), ["x\u200b|a", "x\u200b|b", "y|c"]);
  },
);

Deno.test("findPaths() never gives one file to two", pure, async () => {
  // The safe name of the first is the plain name of the second.
  const torrent = folder("a\u200bb", "ab", "ab.1");
  const written = ["ab", "ab.1", "ab.1.1"];
  assertEquals(await found(new FoldingFileSystem(), torrent), written);
  assertEquals(
    await found(new FoldingFileSystem().make(...written), torrent),
    written,
  );
  const plain = ["a\u200bb", "ab", "ab.1"];
  assertEquals(
    await found(new FoldingFileSystem().make(...plain), torrent),
    plain,
  );
});

const NAMES = ["README", "readme", "\u00e9", "e\u0301"];
const DISKS: [name: string, fold: (name: string) => string, paths: string[]][] =
  [
    ["tells all apart", (name) => name, NAMES],
    [
      "ignores case",
      (name) => name.toLowerCase(),
      ["README", "readme.1", "\u00e9", "e\u0301"],
    ],
    [
      "ignores form",
      (name) => name.normalize("NFD"),
      ["README", "readme", "\u00e9", "e\u0301.1"],
    ],
    [
      "ignores both",
      (name) => name.toLowerCase().normalize("NFC"),
      ["README", "readme.1", "\u00e9", "e\u0301.1"],
    ],
  ];

for (const [name, fold, paths] of DISKS) {
  Deno.test(`findPaths() on a disk that ${name}`, pure, async () => {
    const torrent = folder(...NAMES);
    const empty = new FoldingFileSystem(fold);
    assertEquals(await found(empty, torrent), paths);
    assertEquals(empty.writes, 1);
    const full = new FoldingFileSystem(fold).make(...paths);
    assertEquals(await found(full, torrent), paths);
    assertEquals(await found(full, torrent, true), paths);
    // What is there tells enough.
    assertEquals(full.writes, 0);
  });
}

Deno.test(
  "findPaths() tries the disk only where names collide",
  pure,
  async () => {
    const disk = new FoldingFileSystem();
    await found(disk, folder("a", "b", "c\u200b"));
    await found(disk, folder("README", "readme"), true);
    assertEquals(disk.writes, 0);
    // One of two names is there, and the other is not.
    for (const name of ["README", "readme"]) {
      const partly = new FoldingFileSystem().make(name);
      const names = await found(partly, folder("README", "readme"));
      assertEquals([names, partly.writes], [["README", "readme"], 0]);
    }
  },
);

Deno.test(
  "findPaths() goes by names where the disk has no numbers of files",
  pure,
  async () => {
    const torrent = folder("A", "a");
    for (const there of [["A", "a"], ["A", "a.1"], []]) {
      const disk = new FoldingFileSystem().make(...there);
      const { stat } = disk;
      disk.stat = async (path) => {
        const info = await stat(path);
        return info && { ...info, id: undefined };
      };
      const expected = there[1] === "a.1" ? there : ["A", "a"];
      assertEquals(await found(disk, torrent, true), expected);
      assertEquals(disk.writes, 0);
    }
  },
);

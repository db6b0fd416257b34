import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { NativeFileHandle } from "../../disk/files/native_file_handle.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import { writeAll } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";
import { TempDir } from "../support/paths.ts";

const isWindows = Deno.build.os === "windows";

function withFolder(run: (folder: string) => void | Promise<void>) {
  return async () => {
    await using temp = new TempDir();
    await run(temp.path);
  };
}

function codeOf(run: () => unknown): string {
  return assertThrows(run, DiskError).code;
}

Deno.test({
  name: "native: links that lead out, nowhere or in a circle are refused",
  ignore: isWindows,
  fn: withFolder((folder) => {
    const base = `${folder}/base`;
    Deno.mkdirSync(`${base}/real`, { recursive: true });
    Deno.mkdirSync(`${folder}/base_but_not`);
    Deno.writeTextFileSync(`${folder}/secret`, "secret");
    Deno.writeTextFileSync(`${folder}/base_but_not/secret`, "secret");
    Deno.symlinkSync(folder, `${base}/up`);
    Deno.symlinkSync("../secret", `${base}/file`);
    Deno.symlinkSync("../base_but_not", `${base}/sibling`);
    Deno.symlinkSync("../made-by-us", `${base}/dangling`);
    Deno.symlinkSync("circle", `${base}/circle`);
    Deno.symlinkSync("/", `${base}/root`);
    const files = new NativeFileSystem(base);
    const paths = [
      ["up", "secret"],
      ["up", "new"],
      ["file"],
      ["sibling", "secret"],
      ["dangling"],
      ["dangling", "x"],
      ["circle"],
      ["circle", "x"],
      ["root", "tmp", "x"],
    ];
    for (const path of paths) {
      const name = path.join("/");
      for (
        const call of [
          () => files.open(path),
          () => files.open(path, { write: true }),
          () => files.stat(path),
          () => files.remove(path),
          () => files.localPath(path),
          () => files.rename(path, ["x"]),
        ]
      ) assertEquals(codeOf(call), "symlink", name);
      files.open(["ok"], { write: true }).close();
      assertEquals(codeOf(() => files.rename(["ok"], path)), "symlink", name);
    }
    assertEquals(
      codeOf(() => files.removeEmptyFolder(["up", "base_but_not"])),
      "symlink",
    );
    assertEquals(files.removeEmptyFolder(["sibling"]), false);
    assertEquals(Deno.readTextFileSync(`${folder}/secret`), "secret");
    assertEquals(
      [...Deno.readDirSync(folder)].map((entry) => entry.name).sort(),
      ["base", "base_but_not", "secret"],
    );
  }),
});

Deno.test({
  name: "native: links inside the base are followed, the base may be one",
  ignore: isWindows,
  fn: withFolder((folder) => {
    Deno.mkdirSync(`${folder}/base/real`, { recursive: true });
    Deno.symlinkSync("base", `${folder}/alias`);
    Deno.symlinkSync("real", `${folder}/base/link`);
    const files = new NativeFileSystem(`${folder}/alias`);
    const file = files.open(["link", "new", "x"], { write: true });
    file.write(new Uint8Array([1]), 0);
    file.close();
    assertEquals(
      Deno.readFileSync(`${folder}/base/real/new/x`),
      new Uint8Array([1]),
    );
    assertEquals(files.stat(["link", "new", "x"])?.size, 1);
  }),
});

Deno.test({
  name: "native: devices and pipes are no files",
  ignore: isWindows,
  fn: withFolder((folder) => {
    const made = new Deno.Command("mkfifo", { args: [`${folder}/pipe`] })
      .outputSync();
    assert(made.success);
    const files = new NativeFileSystem(folder);
    assertEquals(codeOf(() => files.open(["pipe"])), "not-a-file");
    assertEquals(
      codeOf(() => files.open(["pipe"], { write: true })),
      "not-a-file",
    );
    const root = new NativeFileSystem("/");
    assertEquals(codeOf(() => root.open(["dev", "null"])), "not-a-file");
  }),
});

Deno.test(
  "native: files are sparse",
  { ignore: isWindows },
  withFolder((folder) => {
    const files = new NativeFileSystem(folder);
    const file = files.open(["x"], { write: true });
    file.truncate(2 ** 32);
    file.write(new Uint8Array([1]), 2 ** 31);
    file.close();
    const info = Deno.statSync(`${folder}/x`);
    assertEquals(info.size, 2 ** 32);
    assert(info.blocks! * 512 < 2 ** 20);
  }),
);

Deno.test(
  "native: without permission the error says so",
  { permissions: { read: true, write: false } },
  () => {
    const files = new NativeFileSystem("/tmp/bip-nowhere");
    const error = assertThrows(
      () => files.open(["x"], { write: true }),
      DiskError,
    );
    assertEquals(error.code, "permission");
    assertEquals(error.path, "x");
  },
);

Deno.test(
  "native: large torrents are checked in several threads alike",
  withFolder(async (folder) => {
    const shapes = [
      makeTorrent({
        pieceLength: 1 << 20,
        files: [20_000_000, 0, 3, 20_000_000],
      }),
      makeTorrent({
        version: "hybrid",
        pieceLength: 1 << 20,
        files: [
          20_000_000,
          { length: 971_520, pad: true },
          20_000_000,
        ],
      }),
      makeTorrent({
        version: "v2",
        pieceLength: 1 << 20,
        files: [20_000_000, 20_000_000],
      }),
    ];
    for (const [i, torrent] of shapes.entries()) {
      const fileSystem = new NativeFileSystem(`${folder}/${i}`);
      await using disk = new DiskManager({ fileSystem, threads: 2 });
      const storage = await disk.add(torrent, {
        existing: "assume-empty",
        skippedFiles: new Set([torrent.paths.length - 1]),
      });
      writeAll(storage, torrent);
      assert(storage.have.isFull);
      const file = fileSystem.open(torrent.paths[0]!, { write: true });
      file.write(new Uint8Array(5), 5_000_000);
      file.close();
      let last = 0;
      await storage.recheck({
        onProgress: ({ checked }) => {
          assert(checked >= last);
          last = checked;
        },
      });
      assertEquals(last, torrent.layout.pieceCount);
      assertEquals(storage.have.count, torrent.layout.pieceCount - 1);
      assertEquals(storage.have.has(4), false);
      const last1 = torrent.layout.pieceCount - 1;
      assertEquals(
        await storage.readBlock(last1, 0, 100),
        torrent.content[last1]!.subarray(0, 100),
      );
    }
  }),
);

Deno.test({
  name: "native: a file that is a link out stops a torrent from being added",
  ignore: isWindows,
  fn: withFolder(async (folder) => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [100, 0] });
    Deno.mkdirSync(`${folder}/base/torrent`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/secret`, "secret");
    Deno.symlinkSync("../../secret", `${folder}/base/torrent/f0`);
    await using disk = new DiskManager({
      fileSystem: new NativeFileSystem(`${folder}/base`),
    });
    const error = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals(error.code, "symlink");
    const storage = await disk.add(torrent, { existing: "assume-empty" });
    writeAll(storage, torrent);
    assertEquals(storage.error?.code, "symlink");
    assert(storage.have.isEmpty);
    assertEquals(Deno.readTextFileSync(`${folder}/secret`), "secret");
    await assertRejects(() => disk.close(), AggregateError);
  }),
});

Deno.test({
  name: "native: a torrent moves to another folder of its disk by names alone",
  ignore: isWindows,
  fn: withFolder(async (folder) => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [30_000, 9] });
    await using disk = new DiskManager({
      fileSystem: new NativeFileSystem(`${folder}/a`),
    });
    const storage = await disk.add(torrent);
    writeAll(storage, torrent);
    const { ino } = Deno.statSync(`${folder}/a/torrent/f0`);
    const target = new NativeFileSystem(`${folder}/b/c`);
    Deno.mkdirSync(`${folder}/b/c/torrent`, { recursive: true });
    // Something is in the way: everything stays where it was.
    Deno.writeTextFileSync(`${folder}/b/c/torrent/f1`, "mine");
    const error = await assertRejects(
      () => storage.move([], { fileSystem: target }),
      DiskError,
    );
    assertEquals(error.code, "exists");
    assertEquals(Deno.statSync(`${folder}/a/torrent/f0`).ino, ino);
    Deno.removeSync(`${folder}/b/c/torrent/f1`);
    await storage.move([], { fileSystem: target });
    assertEquals(Deno.statSync(`${folder}/b/c/torrent/f0`).ino, ino);
    assertEquals([...Deno.readDirSync(`${folder}/a`)], []);
    assertEquals(
      await storage.readBlock(0, 0, 16384),
      torrent.content[0]!,
    );
    await storage.confirm();
    assertEquals(target.device(), Deno.statSync(folder).dev);
    assertEquals(
      new NativeFileSystem(`${folder}/not/yet/there/`).device(),
      Deno.statSync(folder).dev,
    );
  }),
});

Deno.test({
  name: "native: only files that somebody else wrote to are read once more",
  fn: withFolder(async (folder) => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [40_000, 9] });
    await using disk = new DiskManager({
      fileSystem: new NativeFileSystem(folder),
    });
    const storage = await disk.add(torrent);
    writeAll(storage, torrent);
    await storage.flush();
    await storage.sync();
    await storage.renameFile(0, ["torrent", "other"]);
    await storage.confirm();
    assertEquals(storage.stats().readBytes, 0);
    // The same bytes, then others of the same length.
    const name = `${folder}/torrent/other`;
    for (const byte of [undefined, 1]) {
      using file = Deno.openSync(name, { read: true, write: true });
      const first = new Uint8Array(1);
      file.readSync(first);
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(byte === undefined ? first : new Uint8Array([~first[0]!]));
      file.utimeSync(1, byte ?? 2);
      const confirmed = storage.confirm();
      if (byte === undefined) await confirmed;
      else await assertRejects(() => confirmed, DiskError, "written to");
    }
    assertEquals([...storage.have], [1, 2]);
  }),
});

/** Runs something in front of the next opening of a file. */
function beforeOpening(what: () => void): Disposable {
  const { openSync } = Deno;
  const restore = () => Deno.openSync = openSync;
  Deno.openSync = (path, options) => {
    restore();
    what();
    return openSync(path, options);
  };
  return { [Symbol.dispose]: restore };
}

for (const write of [false, true]) {
  Deno.test({
    name: `native: a link that comes while a file is opened for ${
      write ? "writing" : "reading"
    } is not followed`,
    ignore: isWindows,
    fn: withFolder((folder) => {
      const base = `${folder}/base`;
      Deno.mkdirSync(`${base}/sub`, { recursive: true });
      Deno.mkdirSync(`${folder}/other`);
      for (const name of ["secret", "other/file", "base/sub/file"]) {
        Deno.writeTextFileSync(`${folder}/${name}`, name);
      }
      const files = new NativeFileSystem(base);
      // The file itself.
      {
        using _swap = beforeOpening(() => {
          Deno.removeSync(`${base}/sub/file`);
          Deno.symlinkSync(`${folder}/secret`, `${base}/sub/file`);
        });
        assertEquals(
          codeOf(() => files.open(["sub", "file"], { write })),
          "replaced",
        );
      }
      Deno.removeSync(`${base}/sub/file`);
      Deno.writeTextFileSync(`${base}/sub/file`, "mine");
      // Its folder.
      {
        using _swap = beforeOpening(() => {
          Deno.renameSync(`${base}/sub`, `${base}/gone`);
          Deno.symlinkSync(`${folder}/other`, `${base}/sub`);
        });
        assertEquals(
          codeOf(() => files.open(["sub", "file"], { write })),
          "replaced",
        );
      }
      // One that is made.
      for (const isNew of [false, true]) {
        const path = [`new-${isNew}`];
        using _swap = beforeOpening(() => {
          Deno.symlinkSync(`${folder}/made`, `${base}/${path[0]}`);
        });
        const code = codeOf(() => files.open(path, { write, isNew }));
        assertEquals(code, write ? "symlink" : "not-found");
      }
      assertThrows(() => Deno.statSync(`${folder}/made`), Deno.errors.NotFound);
      assertEquals(Deno.readTextFileSync(`${folder}/secret`), "secret");
      assertEquals(Deno.readTextFileSync(`${folder}/other/file`), "other/file");
    }),
  });
}

Deno.test("native: signals interrupt no transfer", () => {
  let calls = 0;
  const bytes = new Uint8Array(10);
  const transfer = (part: Uint8Array): number => {
    if (++calls % 2 === 1) throw new Deno.errors.Interrupted("EINTR");
    const n = Math.min(3, part.length);
    part.fill(7, 0, n);
    return n;
  };
  const file = { readSync: transfer, writeSync: transfer, close: () => {} };
  const handle = new NativeFileHandle(file as unknown as Deno.FsFile, ["a"]);
  assertEquals(handle.read(bytes, 0), 10);
  assertEquals(bytes, new Uint8Array(10).fill(7));
  assertEquals(calls, 8);
  handle.write(new Uint8Array(6), 10);
  assertEquals(calls, 12);
  handle.close();
});

Deno.test({
  name:
    "native: a real path is one for all paths, and stays when folders are made",
  ignore: isWindows,
  fn: withFolder((given) => {
    const folder = Deno.realPathSync(given);
    Deno.mkdirSync(`${folder}/base/f`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/base/f/x`, "x");
    Deno.symlinkSync("base", `${folder}/alias`);
    Deno.symlinkSync("f", `${folder}/base/g`);
    Deno.symlinkSync("f/x", `${folder}/base/y`);
    const real = (base: string, ...path: string[]) =>
      new NativeFileSystem(base).realPath(path);
    for (
      const base of ["base", "base/", "alias", "new/../base", "alias/f/.."]
    ) {
      const at = `${folder}/${base}`;
      assertEquals(real(at), `${folder}/base`, base);
      assertEquals(real(at, "f", "x"), `${folder}/base/f/x`);
      assertEquals(real(at, "g", "x"), `${folder}/base/f/x`);
      assertEquals(real(at, "y"), `${folder}/base/f/x`);
      assertEquals(real(at, "g", "no", "z"), `${folder}/base/f/no/z`);
      assertEquals(real(at, "no"), `${folder}/base/no`);
      Deno.mkdirSync(`${folder}/new`, { recursive: true });
    }
    const files = new NativeFileSystem(`${folder}/alias/later/on`);
    const before = files.realPath(["f", "x"]);
    assertEquals(before, `${folder}/base/later/on/f/x`);
    files.open(["f", "x"], { write: true }).close();
    assertEquals(files.realPath(["f", "x"]), before);
    assertEquals(files.realPath([]), `${folder}/base/later/on`);
    assertEquals(real("/", "tmp-no"), "/tmp-no");
    assertEquals(real("/tmp-no/x", "y"), "/tmp-no/x/y");
    assertEquals(real(`${folder}/base`, "f"), `${folder}/base/f`);
    // What was seen not to be there is not looked at again.
    const whole = new NativeFileSystem(`${folder}/base`);
    const missing = new Set<string>();
    for (const path of [["f", "no", "a", "b"], ["f", "no", "c"], ["f", "d"]]) {
      const all = `${folder}/base/${path.join("/")}`;
      assertEquals(whole.realPath(path, missing), all);
    }
    assertEquals([...missing], [
      "/f/no/a/b",
      "/f/no/a",
      "/f/no",
      "/f/d",
    ]);
    Deno.symlinkSync("f", `${folder}/base/m`);
    missing.add("/m");
    assertEquals(whole.realPath(["m", "x"], missing), `${folder}/base/m/x`);
    assertEquals(whole.realPath(["m", "x"]), `${folder}/base/f/x`);
    const here = Deno.realPathSync(".");
    assertEquals(real(".", "no"), `${here}/no`);
    assertEquals(real("", "no"), `${here}/no`);
    assertEquals(real("no/no", "x"), `${here}/no/no/x`);
    for (const path of [[".."], ["f", ""], ["a/b"]]) {
      assertEquals(codeOf(() => files.realPath(path)), "unsafe-path");
    }
  }),
});

Deno.test({
  name:
    "native: a folder that may not be looked at has the path that it is given",
  ignore: isWindows,
  permissions: { read: ["no-such-folder/a"] },
  fn() {
    const files = new NativeFileSystem("no-such-folder/a/b");
    assertEquals(files.realPath(["f", "x"]), "no-such-folder/a/b/f/x");
    assertEquals(files.device(), undefined);
  },
});

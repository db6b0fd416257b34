import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../_shared/clock.ts";
import { DiskError } from "../../../disk/error.ts";
import type { FilePath, FileSystem } from "../../../disk/file_system.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import {
  moveFiles,
  removeEmptyFolders,
} from "../../../disk/files/move_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { Turns } from "../../../disk/turns.ts";

const pure = { permissions: "none" } as const;

/** Files with their names as content. */
function filled(...names: readonly string[]): MemoryFileSystem {
  const files = new MemoryFileSystem();
  for (const name of names) {
    files.open(name.split("/"), { write: true })
      .write(new TextEncoder().encode(name), 0);
  }
  return files;
}

/** The content of files; `-` for none. */
function show(files: MemoryFileSystem, ...names: readonly string[]): string {
  return names.map((name) => {
    const info = files.stat(name.split("/"));
    if (info === undefined) return "-";
    const bytes = new Uint8Array(info.size);
    files.open(name.split("/")).read(bytes, 0);
    return new TextDecoder().decode(bytes);
  }).join(" ");
}

const paths = (...names: readonly string[]): FilePath[] =>
  names.map((name) => name.split("/"));

Deno.test("moveFiles() renames those there are, or none", pure, async () => {
  const files = filled("a", "b", "same");
  const cache = new HandleCache(files);
  const from = paths("a", "missing", "same", "b");
  const to = paths("x/a", "x/missing", "same", "x/b");
  const { undo, finish } = await moveFiles(
    cache,
    from,
    undefined,
    to,
    new Turns(systemClock),
  );
  await finish();
  const all = ["a", "b", "x/a", "x/b", "x/missing", "same"];
  assertEquals(show(files, ...all), "- - a b - same");
  await undo();
  assertEquals(show(files, ...all), "a b - - - same");
  // Something is there: what was moved before it goes back.
  const blocked = filled("a", "b", "x/b");
  await assertRejects(
    () =>
      moveFiles(
        new HandleCache(blocked),
        from,
        undefined,
        to,
        new Turns(systemClock),
      ),
    DiskError,
  );
  assertEquals(show(blocked, "a", "b", "x/a", "x/b"), "a b - x/b");
});

Deno.test(
  "moveFiles() copies to another file system, originals go at the end",
  pure,
  async () => {
    const from = paths("a", "missing", "b");
    const to = paths("x/a", "x/m", "x/b");
    const move = (source: FileSystem, target: FileSystem) =>
      moveFiles(
        new HandleCache(source),
        from,
        new HandleCache(target),
        to,
        new Turns(systemClock),
      );
    const [source, target] = [filled("a", "b"), filled()];
    const { finish } = await move(source, target);
    assertEquals(show(source, "a", "b"), "a b");
    assertEquals(show(target, "x/a", "x/b", "x/m"), "a b -");
    await finish();
    assertEquals(show(source, "a", "b"), "- -");

    const other = filled();
    const { undo } = await move(filled("a", "b"), other);
    await undo();
    assertEquals(show(other, "x/a", "x/b"), "- -");

    const [kept, taken] = [filled("a", "b"), filled("x/b")];
    const error = await assertRejects(() => move(kept, taken), DiskError);
    assertEquals([error.code, error.operation], ["exists", "move"]);
    assertEquals(show(taken, "x/a", "x/b"), "- x/b");
    assertEquals(show(kept, "a", "b"), "a b");
  },
);

/** A folder of one operating system, by its name. */
class Local extends MemoryFileSystem {
  static readonly all = new Map<string, Local>();
  readonly name: string;
  /** Whether files of other folders can be renamed into it. */
  readonly takes: boolean;
  constructor(name: string, takes = true) {
    super();
    this.name = name;
    this.takes = takes;
    Local.all.set(name, this);
  }
  localPath(path: FilePath): string {
    return [this.name, ...path].join("/");
  }
  takeFile(localPath: string, to: FilePath): boolean {
    if (!this.takes) return false;
    const [name, ...path] = localPath.split("/");
    const from = Local.all.get(name!)!;
    const bytes = new Uint8Array(from.stat(path)!.size);
    from.open(path).read(bytes, 0);
    this.open(to, { write: true }).write(bytes, 0);
    from.remove(path);
    return true;
  }
}

Deno.test(
  "moveFiles() renames across where that is one disk",
  pure,
  async () => {
    for (const [takes, original] of [[true, "- -"], [false, "a b"]] as const) {
      const [one, two] = [new Local("one"), new Local("two", takes)];
      for (const name of ["a", "b"]) {
        one.open([name], { write: true }).write(
          new TextEncoder().encode(name),
          0,
        );
      }
      const [from, to] = [paths("a", "b"), paths("x/a", "x/b")];
      const { undo } = await moveFiles(
        new HandleCache(one),
        from,
        new HandleCache(two),
        to,
        new Turns(systemClock),
      );
      assertEquals(show(one, "a", "b"), original);
      assertEquals(show(two, "x/a", "x/b"), "a b");
      await undo();
      assertEquals(show(one, "a", "b"), "a b");
      assertEquals(show(two, "x/a", "x/b"), "- -");
    }
  },
);

Deno.test(
  "moveFiles() copies where only one side is of the system",
  pure,
  async () => {
    for (
      const [source, target] of [
        [new Local("one"), filled()],
        [filled(), new Local("two")],
      ]
    ) {
      source!.open(["a"], { write: true }).write(Uint8Array.of(97), 0);
      const { finish } = await moveFiles(
        new HandleCache(source!),
        paths("a"),
        new HandleCache(target!),
        paths("b"),
        new Turns(systemClock),
      );
      assertEquals([show(source!, "a"), show(target!, "b")], ["a", "a"]);
      await finish();
      assertEquals(show(source!, "a"), "-");
    }
  },
);

Deno.test(
  "removeEmptyFolders() goes from the deepest up, each once",
  pure,
  async () => {
    const asked: string[] = [];
    const files = {
      removeEmptyFolder(path: FilePath) {
        asked.push(path.join("/"));
        if (path.join("/") === "a/b") throw new Error("It is in use");
      },
    } as unknown as FileSystem;
    await removeEmptyFolders(files, paths("a/b/c/1", "a/b/2", "d/3", "4"));
    assertEquals(asked, ["a/b/c", "a/b", "a", "d"]);
  },
);

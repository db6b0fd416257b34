import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import type {
  FileHandle,
  FileOpenOptions,
  FilePath,
} from "../../../disk/file_system.ts";
import { FilePlaces } from "../../../disk/files/file_places.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import { Turns } from "../../../disk/turns.ts";
import { StoredFiles } from "../../../disk/files/stored_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { SimClock } from "../../support/sim_clock.ts";

const pure = { permissions: "none" } as const;
const PATHS = [["a"], ["pad"], ["b"]];

class LocalFileSystem extends MemoryFileSystem {
  readonly opened: FileOpenOptions[] = [];
  error: DiskError | undefined;

  override open(path: FilePath, options: FileOpenOptions = {}): FileHandle {
    if (this.error !== undefined) throw this.error;
    this.opened.push(options);
    return super.open(path, options);
  }

  localPath(path: FilePath): string {
    return `/base/${path.join("/")}`;
  }
}

function makeFiles() {
  const fileSystem = new LocalFileSystem();
  const layout = new PieceLayout({
    pieceLength: 16384,
    files: [{ length: 4 }, { length: 16380, pad: true }, { length: 4 }],
  });
  const files = new StoredFiles(
    new HandleCache(fileSystem),
    new FilePlaces(PATHS, ""),
    layout,
    "sparse",
    new Turns(new SimClock()),
  );
  return { fileSystem, files };
}

Deno.test(
  "StoredFiles: files that are gone or short are not read",
  pure,
  () => {
    const { fileSystem, files } = makeFiles();
    const into = new Uint8Array(4);
    assertEquals(files.read(0, 0, into), false);
    const file = fileSystem.open(["a"], { write: true });
    file.write(new Uint8Array([1, 2, 3]), 0);
    assertEquals(files.read(0, 0, into), false);
    file.write(new Uint8Array([4]), 3);
    assertEquals(files.read(0, 0, into), true);
    assertEquals(into, new Uint8Array([1, 2, 3, 4]));
  },
);

Deno.test(
  "StoredFiles: what cannot be read is noted where it may be",
  pure,
  () => {
    const { fileSystem, files } = makeFiles();
    const into = new Uint8Array(4);
    const fail = (code: "io" | "too-many-files") => {
      fileSystem.error = new DiskError(code, "No", { operation: "open" });
      return fileSystem.error;
    };
    fail("io");
    assertThrows(() => files.read(2, 0, into), DiskError, "No");
    files.unreadable = new Map();
    assertEquals(files.read(2, 0, into), false);
    assertEquals([...files.unreadable], [[2, fileSystem.error]]);
    // What passes by itself says nothing of the file.
    fail("too-many-files");
    assertThrows(() => files.read(0, 0, into), DiskError, "No");
    assertEquals([...files.unreadable.keys()], [2]);
  },
);

Deno.test(
  "StoredFiles: only files that are there have local paths",
  pure,
  async () => {
    const { fileSystem, files } = makeFiles();
    fileSystem.open(["b"], { write: true }).close();
    fileSystem.open(["pad"], { write: true }).close();
    await files.lookAgain();
    assertEquals(files.localPaths(), ["", "", "/base/b"]);
  },
);

Deno.test(
  "StoredFiles: only what was seen to be missing is opened as new",
  pure,
  async () => {
    const { fileSystem, files } = makeFiles();
    fileSystem.open(["b"], { write: true }).close();
    await files.lookAgain();
    fileSystem.opened.length = 0;
    files.write(0, 0, new Uint8Array(4));
    files.write(2, 0, new Uint8Array(4));
    assertEquals(fileSystem.opened.map(({ isNew }) => isNew), [true, false]);
  },
);

Deno.test(
  "StoredFiles: what came where nothing was is not written over",
  pure,
  async () => {
    const { fileSystem, files } = makeFiles();
    await files.lookAgain();
    const theirs = Uint8Array.of(9);
    fileSystem.open(["a"], { write: true }).write(theirs, 0);
    for (let i = 0; i < 2; i++) {
      const error = assertThrows(
        () => files.write(0, 0, new Uint8Array(4)),
        DiskError,
      );
      assertEquals([error.code, error.path], ["foreign-file", "a"]);
    }
    assertEquals(fileSystem.contents(["a"]), theirs);
    // Once it is known what it is, it is the torrent's or none of it.
    fileSystem.remove(["a"]);
    files.write(0, 0, Uint8Array.of(1, 2));
    files.write(0, 2, Uint8Array.of(3, 4));
    assertEquals(fileSystem.contents(["a"]), Uint8Array.of(1, 2, 3, 4));
  },
);

Deno.test(
  "StoredFiles: a look that fails too late is nobody's failure",
  pure,
  async () => {
    const { fileSystem, files } = makeFiles();
    const { open } = fileSystem;
    let looks = 0;
    fileSystem.open = (path, options) => {
      const handle = open.call(fileSystem, path, options);
      const { stat } = handle;
      // At first it answers at once.
      handle.stat = () =>
        looks++ === 0 ? stat!() : Promise.reject(new Error("Closed"));
      return handle;
    };
    await files.write(0, 0, new Uint8Array(4));
    assertEquals(looks > 1, true);
  },
);

Deno.test(
  "StoredFiles: a file that is looked at anew is opened anew",
  pure,
  async () => {
    const { fileSystem, files } = makeFiles();
    const bytes = new Uint8Array([1, 2, 3, 4]);
    files.write(0, 0, bytes);
    assertEquals(await files.look(0), 4);
    // The open file is none of the folder's any more.
    fileSystem.remove(["a"]);
    assertEquals(await files.look(0), -1);
    files.write(0, 0, bytes);
    assertEquals(fileSystem.contents(["a"]), bytes);
  },
);

Deno.test("StoredFiles: a name has up to 255 bytes", pure, async () => {
  const { files } = makeFiles();
  for (const name of ["x".repeat(255), `x${"ü".repeat(127)}`]) {
    await files.rename(0, [name]);
    assertEquals(files.places.at(0), [name]);
  }
  for (const name of ["x".repeat(256), "ü".repeat(128)]) {
    const error = await assertRejects(() => files.rename(0, [name]), DiskError);
    assertEquals(error.code, "unsafe-path");
  }
});

import { assertEquals } from "@std/assert";
import { LinkedFiles } from "../../../disk/files/linked_files.ts";
import type { StoredFiles } from "../../../disk/files/stored_files.ts";

const pure = { permissions: "none" } as const;
const bytes = (...list: number[]) => new Uint8Array(list);

function setUp(
  links: number | undefined,
  size = 4,
  content = bytes(1, 2, 3, 4),
) {
  const log: string[] = [];
  let parted = () => {};
  const stored = {
    places: { at: (i: number) => [`${i}`] },
    fileSystem: {
      stat: () => links === undefined ? undefined : { links, size },
    },
    read(_: number, offset: number, into: Uint8Array) {
      log.push(`read ${into.length} at ${offset}`);
      const there = content.subarray(offset, offset + into.length);
      into.set(there);
      return there.length === into.length;
    },
    part(i: number) {
      log.push(`part ${i}`);
      return new Promise<void>((resolve) => parted = resolve);
    },
  } as unknown as StoredFiles;
  const files = new LinkedFiles(stored);
  const write = (offset: number, from: Uint8Array, i = 0) =>
    files.write(i, offset, from, 4, () => void log.push(`write ${offset}`));
  return { log, write, part: () => parted() };
}

Deno.test(
  "LinkedFiles: a file of one name, or none, is written at once",
  pure,
  () => {
    for (const links of [undefined, 0, 1]) {
      const { log, write } = setUp(links);
      assertEquals(write(1, bytes(9)), undefined);
      assertEquals(log, ["write 1"]);
    }
  },
);

Deno.test(
  "LinkedFiles: what is there already is not written",
  pure,
  async () => {
    const { log, write, part } = setUp(2);
    assertEquals(write(1, bytes(2, 3)), undefined);
    assertEquals(log.splice(0), ["read 2 at 1"]);
    const written = write(1, bytes(2, 4));
    assertEquals(log.splice(0), ["read 2 at 1", "part 0"]);
    part();
    await written;
    assertEquals(log, ["write 1"]);
  },
);

Deno.test(
  "LinkedFiles: it is parted where it is not whole, or nothing comes",
  pure,
  async () => {
    for (
      const [size, from, read] of [
        [3, bytes(1, 2), "read 0 at 0"],
        [5, bytes(1, 2), "read 0 at 0"],
        [4, bytes(), "read 0 at 0"],
      ] as const
    ) {
      const { log, write, part } = setUp(2, size);
      const written = write(0, from);
      assertEquals(log.splice(0), [read, "part 0"]);
      part();
      await written;
      assertEquals(log, ["write 0"]);
    }
    const short = setUp(2, 4, bytes(1));
    void short.write(0, bytes(1, 0));
    assertEquals(short.log, ["read 2 at 0", "part 0"]);
  },
);

Deno.test(
  "LinkedFiles: it is parted once for all who write meanwhile",
  pure,
  async () => {
    const { log, write, part } = setUp(2);
    const first = write(0, bytes(9));
    const second = write(1, bytes(9));
    assertEquals(log, ["read 1 at 0", "part 0"]);
    part();
    await Promise.all([first, second]);
    assertEquals(log.splice(0), [
      "read 1 at 0",
      "part 0",
      "write 0",
      "write 1",
    ]);
    // The next one looks again.
    const third = write(2, bytes(9));
    assertEquals(log.splice(0), ["read 1 at 2", "part 0"]);
    void write(0, bytes(8), 1);
    assertEquals(log, ["read 1 at 0", "part 1"]);
    void third;
  },
);

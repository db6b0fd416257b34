import { assertEquals } from "@std/assert";
import {
  isWatched,
  MAX_WATCHED,
  MAX_WATCHED_BYTES,
  WatchMachine,
} from "../../../daemon/rules/watch_machine.ts";

const none = { permissions: "none" } as const;
const file = (name: string, size: number, modifiedMs = 1) => ({
  name,
  size,
  modifiedMs,
});

Deno.test(
  "names of torrent files and of texts with links are watched",
  none,
  () => {
    for (
      const name of ["a.torrent", "A.TORRENT", "b.magnet", "a b\n.torrent"]
    ) assertEquals(isWatched(name), true);
    for (
      const name of [
        ".a.torrent",
        "a.torrent.added",
        "a.torrent.part",
        ".torrent",
        "torrent",
        "a.txt",
      ]
    ) {
      assertEquals(isWatched(name), false, name);
    }
  },
);

Deno.test("a file is tried once when it is the same in two looks", none, () => {
  const machine = new WatchMachine();
  assertEquals(machine.handleFiles([file("a.torrent", 5)]), []);
  assertEquals(machine.handleFiles([file("a.torrent", 9)]), []);
  assertEquals(machine.handleFiles([file("a.torrent", 9, 2)]), []);
  assertEquals(
    machine.handleFiles([file("a.torrent", 9, 2), file("b.torrent", 1)]),
    ["a.torrent"],
  );
  assertEquals(
    machine.handleFiles([file("a.torrent", 9, 2), file("b.torrent", 1)]),
    ["b.torrent"],
  );
  assertEquals(machine.handleFiles([file("a.torrent", 9, 2)]), []);
});

Deno.test(
  "a file that could not be read is tried again when it changed",
  none,
  () => {
    const machine = new WatchMachine();
    machine.handleFiles([file("a.torrent", 5)]);
    assertEquals(machine.handleFiles([file("a.torrent", 5)]), ["a.torrent"]);
    assertEquals(machine.handleFiles([file("a.torrent", 5)]), []);
    assertEquals(machine.handleFiles([file("a.torrent", 6)]), []);
    assertEquals(machine.handleFiles([file("a.torrent", 6)]), ["a.torrent"]);
    // One that went and came back is another.
    machine.handleFiles([]);
    assertEquals(machine.handleFiles([file("a.torrent", 6)]), []);
    assertEquals(machine.handleFiles([file("a.torrent", 6)]), ["a.torrent"]);
  },
);

Deno.test(
  "empty and huge files and more than enough of them wait",
  none,
  () => {
    const machine = new WatchMachine();
    const odd = [
      file("a.torrent", 0),
      file("b.torrent", MAX_WATCHED_BYTES + 1),
      file("c.torrent", MAX_WATCHED_BYTES),
      file("d.txt", 5),
    ];
    machine.handleFiles(odd);
    assertEquals(machine.handleFiles(odd), ["c.torrent"]);
    const many = Array.from(
      { length: MAX_WATCHED + 5 },
      (_, i) => file(`${i}.torrent`, 1),
    );
    machine.handleFiles(many);
    assertEquals(machine.handleFiles(many).length, MAX_WATCHED);
  },
);

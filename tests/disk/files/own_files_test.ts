import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { FilePlaces } from "../../../disk/files/file_places.ts";
import { HandleCache } from "../../../disk/files/handle_cache.ts";
import type { OwnFiles } from "../../../disk/files/own_files.ts";
import { PathClaims, TorrentClaims } from "../../../disk/files/path_claims.ts";
import { StoredFiles } from "../../../disk/files/stored_files.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { Turns } from "../../../disk/turns.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;
const hex = (id: number) => `0${id}`.repeat(20);
const turns = new Turns(new SimClock());

function setUp() {
  const memory = new MemoryFileSystem();
  const all = new PathClaims();
  let id = 0;
  const files = (...names: string[]) => {
    const layout = new PieceLayout({
      pieceLength: 16,
      files: [...names.map(() => ({ length: 4 })), { length: 12, pad: true }],
    });
    const paths = [...names, "pad"].map((name) => name.split("/"));
    return new StoredFiles(
      new HandleCache(memory),
      new FilePlaces(paths, ""),
      layout,
      "sparse",
      turns,
      new TorrentClaims(all, new Uint8Array(20).fill(++id)),
    );
  };
  const taken = ({ own, indices }: StoredFiles) =>
    indices.map((i) => own.isTaken(i));
  return { memory, files, taken };
}

const codeOf = (run: () => void) => assertThrows(run, DiskError).code;

Deno.test(
  "OwnFiles: nothing is claimed before claim(), and padding never",
  pure,
  async () => {
    const { memory, files, taken } = setUp();
    memory.open(["a"], { write: true });
    const one = files("a", "b");
    await one.lookAgain();
    await one.own.claimFound([0, 1], () => true, turns);
    assertEquals(one.own.mayHave(["a"]), true);
    const two = files("a", "b");
    two.own.claim((i) => i === 0);
    assertEquals(taken(two), [false, false]);
    one.own.claim();
    assertEquals(taken(one), [true, false]);
    assertEquals(one.own.mayHave(["a"]), false);
    assertEquals(one.own.mayHave(["pad"]), true);
    two.own.close();
    one.own.claim();
    assertEquals(taken(one), [false, false]);
  },
);

Deno.test(
  "OwnFiles: of files that are there but not wanted it is seen who has them",
  pure,
  async () => {
    const { memory, files, taken } = setUp();
    memory.open(["a"], { write: true });
    const [one, two] = [files("a", "b"), files("a", "b")];
    for (const each of [one, two]) {
      each.own.claim(() => false);
      await each.lookAgain();
      await each.own.claimFound(each.indices, () => false, turns);
      assertEquals(taken(each), [each === two, false]);
      assertEquals([0, 1].map((i) => each.own.has(i)), [false, false]);
      assertEquals(each.own.adopt(0), each === one);
      assertEquals(each.own.has(0), each === one);
    }
    assertEquals([taken(one), taken(two)], [[false, false], [true, false]]);
    // Once it is gone it is nobody's.
    memory.remove(["a"]);
    await two.lookAgain();
    await two.own.claimFound(two.indices, () => false, turns);
    assertEquals(taken(two), [false, false]);
    // What is wanted stays the other's.
    two.own.claim();
    await two.own.claimFound(two.indices, () => true, turns);
    assertEquals(taken(two), [true, false]);
  },
);

Deno.test(
  "OwnFiles: refuse() names who has the first, need() tries again",
  pure,
  () => {
    const { files, taken } = setUp();
    const [one, two] = [files("a", "b", "c"), files("a", "b", "c")];
    one.own.claim((i) => i < 2);
    two.own.claim();
    two.own.refuse((i) => i === 2);
    const message = (run: () => void) => assertThrows(run, DiskError).message;
    assertEquals(
      message(() => two.own.refuse(() => true)),
      `Cannot write "a": it is a file of torrent ${
        hex(1)
      } as well, and so is 1 more`,
    );
    assertEquals(
      message(() => two.own.need(1)),
      `Cannot write "b": it is a file of torrent ${hex(1)} as well`,
    );
    const three = files("a", "b", "c");
    three.own.claim();
    assertEquals(
      message(() => three.own.refuse(() => true)),
      `Cannot write "a": it is a file of torrent ${
        hex(1)
      } as well, and so are 2 more`,
    );
    assertEquals(codeOf(() => three.write(0, 0, new Uint8Array(1))), "taken");
    one.own.close();
    two.own.need(1);
    assertEquals(taken(two), [true, false, false]);
  },
);

Deno.test(
  "OwnFiles: names that are called by other torrents are theirs",
  pure,
  () => {
    const { files } = setUp();
    const own = (name: string): OwnFiles => {
      const one = files(name);
      one.own.claim();
      return one.own;
    };
    for (const end of ["part", "resume", "resume.tmp"]) {
      assertEquals(own(`.${hex(9)}.bip-${end}`).isTaken(0), true, end);
      assertEquals(own(`x/.${hex(9)}.bip-${end}`).isTaken(0), true, end);
    }
    for (
      const name of [`${hex(9)}.bip-part`, `.${hex(9)}.part`, ".bip-part", ".x"]
    ) assertEquals(own(name).isTaken(0), false, name);
  },
);

Deno.test(
  "OwnFiles: a path takes the place of another if all goes well",
  pure,
  async () => {
    const { files } = setUp();
    const [one, two] = [files("a"), files("c")];
    for (const { own } of [one, two]) own.claim();
    /** Those that the other one could have. */
    const free = async (...names: string[]) => {
      const all = names.filter((name) => two.own.mayHave([name]));
      const paths = all.map((name) => [name]);
      await two.own.replace(paths, [], () => Promise.resolve());
      return all;
    };
    const old = [["a"], ["a.x"]];
    const failed = await assertRejects(() =>
      one.own.replace(old, [["b"]], () => Promise.reject(new Error("no")))
    );
    assertEquals((failed as Error).message, "no");
    assertEquals(await free("a", "b"), ["b"]);
    await assertRejects(
      () => one.own.replace(old, [["b"], ["c"]], () => Promise.resolve()),
      DiskError,
      `Cannot write "c": it is a file of torrent ${hex(2)} as well`,
    );
    assertEquals(await free("a", "b"), ["b"]);
    await one.own.replace(old, [["b"]], () => Promise.resolve());
    assertEquals(await free("a", "b"), ["a"]);
    const target = two.fileSystem;
    await one.own.exchange(target, [["d"]], () => Promise.resolve());
    await assertRejects(
      () => one.own.exchange(target, [["e"], ["c"]], () => Promise.resolve()),
      DiskError,
    );
  },
);

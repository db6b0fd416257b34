import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { DiskError } from "../../disk/error.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import type { FileAllocation } from "../../disk/storage.ts";
import { open, writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const MODES: readonly FileAllocation[] = ["sparse", "full", "compact"];
const torrent = makeTorrent({
  pieceLength: 32768,
  files: [100_000, 0, 10, 200_000, 7, 70_000],
});

Deno.test(
  "moves, renames and choices while pieces come and go lose nothing",
  pure,
  async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => randomInt(random, n);
      const memory = new MemoryFileSystem();
      const theirs = new Uint8Array(below(200_000)).fill(9);
      memory.open(["in the way"], { write: true }).write(theirs, 0);
      await using bench = await open(torrent, {
        memory,
        slow: below(2) === 0,
        add: {
          existing: "verify",
          allocation: MODES[below(3)]!,
          incompleteSuffix: below(2) === 0 ? "" : ".part",
        },
      });
      const { storage } = bench;
      const note = `seed ${seed}`;
      const done = new Set<number>();
      const works: Promise<unknown>[] = [];
      // What is in the way, or asked for twice, is refused and changes nothing.
      const tryIt = (work: Promise<unknown>) =>
        works.push(work.catch((error) => {
          assert(
            error instanceof DiskError && error.code === "exists",
            `${note}: ${error}`,
          );
        }));
      for (let step = 0; step < 60; step++) {
        const file = below(torrent.paths.length);
        const piece = below(torrent.content.length);
        switch (below(7)) {
          case 0:
            tryIt(storage.move([["a"], ["b", "c"], []][below(3)]!));
            break;
          case 1: {
            const name = [
              "in the way",
              "x",
              "x.part",
              "f3",
              "f0.part",
            ][below(5)]!;
            tryIt(
              storage.renameFile(
                file,
                below(2) === 0 ? [name] : ["torrent", name],
              ),
            );
            break;
          }
          case 2:
            tryIt(storage.setFileWanted(file, below(2) === 0));
            break;
          case 3:
            works.push(storage.resumeData());
            break;
          case 4:
            if (done.size === 0) break;
            works.push((async () => {
              const i = [...done][below(done.size)]!;
              if (!storage.have.has(i)) return;
              const bytes = await storage.readBlock(i, 0, 99);
              assertEquals(bytes, torrent.content[i]!.subarray(0, 99), note);
            })());
            break;
          default:
            writePiece(storage, torrent, piece);
            done.add(piece);
        }
        if (below(4) === 0) await Promise.all(works.splice(0));
      }
      await Promise.all(works);
      for (let i = 0; i < torrent.paths.length; i++) {
        await storage.setFileWanted(i, true);
      }
      writeAll(storage, torrent);
      await storage.confirm();
      assertEquals(
        bench.events.filter(({ type }) => type !== "piece-good"),
        [],
        note,
      );
      torrent.fileContent.forEach((content, i) => {
        assertEquals(storage.ownPlaces[i], storage.paths[i], note);
        const name = storage.paths[i]!.join("/");
        const found = memory.list().filter((other) =>
          `/${other}`.endsWith(`/${name}`) &&
          equalBytes(memory.contents(other.split("/"))!, content)
        );
        assert(found.length > 0, `${note}: ${name}`);
      });
      assertEquals(memory.contents(["in the way"]), theirs, note);
      assertEquals(
        memory.list().length,
        torrent.paths.length + 1,
        `${note}: ${memory.list()}`,
      );
    }
  },
);

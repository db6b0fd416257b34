import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CreateError,
  createMetainfo,
  type HashProgress,
  parseMetainfo,
} from "../../../metainfo/mod.ts";
import { hashEntries, placeEntries } from "../../../metainfo/create/hash.ts";
import { planCreation } from "../../../metainfo/create/walk.ts";
import { TempDir } from "../../support/paths.ts";
import { bytesOf, writeTree } from "../_payload.ts";

const MIB = 2 ** 20;

Deno.test({
  name: "placeEntries() pads after files, and after the last one if asked",
  permissions: "none",
  fn() {
    const form = {
      pieceLength: 16384,
      sha1: true,
      sha256: false,
      padFiles: true,
      padLast: false,
    };
    const lengths = [1, 0, 16384, 16385, 0];
    const all = [
      { index: 0, length: 1 },
      { index: -1, length: 16383 },
      { index: 1, length: 0 },
      { index: 2, length: 16384 },
      { index: 3, length: 16385 },
    ];
    const end = { index: 4, length: 0 };
    assertEquals([...placeEntries(lengths, form)], [...all, end]);
    assertEquals([...placeEntries(lengths, { ...form, padLast: true })], [
      ...all,
      { index: -1, length: 16383 },
      end,
    ]);
    assertEquals(
      [...placeEntries(lengths, { ...form, padFiles: false })].length,
      lengths.length,
    );
  },
});

/** A stream that does something to the world before it ends. */
function meddler(action: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      action();
      controller.enqueue(new Uint8Array(5));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

const MEDDLING: Record<string, (path: string) => void> = {
  "grows": (path) =>
    Deno.writeFileSync(path, new Uint8Array(1), { append: true }),
  "shrinks": (path) => Deno.truncateSync(path, 10),
  "vanishes": (path) => Deno.removeSync(path),
  "is written to": (path) => {
    Deno.writeFileSync(path, new Uint8Array(100));
    Deno.utimeSync(path, 1, 2);
  },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  for (const when of ["before", "after"]) {
    Deno.test(`createMetainfo() notices a file that ${what} ${when} it is read`, async () => {
      await using temp = new TempDir();
      await writeTree(temp.path, { "d/m": bytesOf(100, 1) });
      const path = temp.join("d/m");
      const name = when === "before" ? "a" : "z";
      const error = await assertRejects(
        () =>
          createMetainfo({
            inputs: [
              { path: temp.join("d") },
              { path: ["d", name], stream: meddler(() => meddle(path)) },
            ],
          }),
        CreateError,
      );
      const expected = what === "vanishes" && when === "before"
        ? "read-failed"
        : "changed";
      assertEquals([error.code, error.path], [expected, path]);
    });
  }
}

Deno.test("createMetainfo() notices a file that shrinks under its threads", async () => {
  await using temp = new TempDir();
  const path = temp.join("f");
  await Deno.writeFile(path, new Uint8Array(0));
  await Deno.truncate(path, 128 * MIB);
  let shrunk = false;
  const error = await assertRejects(
    () =>
      createMetainfo({
        inputs: [{ path }],
        threads: 2,
        onProgress() {
          if (!shrunk) Deno.truncateSync(path, 1);
          shrunk = true;
        },
      }),
    CreateError,
  );
  assertEquals(error.code, "changed");
  assert(shrunk);
});

Deno.test("createMetainfo() gives one result with any number of threads, and progress", async () => {
  await using temp = new TempDir();
  const path = temp.join("f");
  const noise = bytesOf(3 * MIB + 12345, 7);
  {
    using file = await Deno.open(path, { write: true, create: true });
    for (let i = 0; i < 20; i++) {
      await file.seek(i * 10 * MIB, Deno.SeekMode.Start);
      await file.write(noise.subarray(i));
    }
  }
  const create = (threads: number, useCallingThread: boolean) => {
    const seen: HashProgress[] = [];
    return createMetainfo({
      inputs: [{ path }],
      threads,
      useCallingThread,
      version: "hybrid",
      pieceLength: MIB,
      creationDate: null,
      onProgress: (progress) => seen.push(progress),
    }).then((torrent) => ({ torrent, seen }));
  };
  const one = await create(1, true);
  const { totalLength } = parseMetainfo(one.torrent);
  for (const [threads, useCallingThread] of [[3, true], [2, false]] as const) {
    const many = await create(threads, useCallingThread);
    assertEquals(many.torrent, one.torrent);
    const { seen } = many;
    for (let i = 1; i < seen.length; i++) {
      assert(seen[i]!.hashedBytes > seen[i - 1]!.hashedBytes);
    }
    assertEquals(seen.at(-1), {
      hashedBytes: totalLength,
      totalBytes: totalLength,
    });
  }
});

Deno.test("createMetainfo() stops its threads on abort", async () => {
  await using temp = new TempDir();
  const path = temp.join("f");
  await Deno.writeFile(path, new Uint8Array(0));
  await Deno.truncate(path, 1024 * MIB);
  for (const useCallingThread of [true, false]) {
    const controller = new AbortController();
    const reason = new Error("enough");
    let last = 0;
    const error = await assertRejects(() =>
      createMetainfo({
        inputs: [{ path }],
        threads: 2,
        useCallingThread,
        onProgress({ hashedBytes }) {
          last = hashedBytes;
          controller.abort(reason);
        },
        signal: controller.signal,
      })
    );
    assertEquals(error, reason);
    assert(last > 0 && last < 1024 * MIB, String(last));
  }
});

for (const [what, meddle] of Object.entries(MEDDLING)) {
  if (what === "is written to") continue; // what is read is the file's
  Deno.test(`hashEntries() notices that one of many small files ${what}`, async () => {
    await using temp = new TempDir();
    await Deno.mkdir(temp.join("d"));
    for (let i = 0; i < 5000; i++) {
      Deno.writeFileSync(temp.join(`d/${i}`), bytesOf(20, i));
    }
    const options = { inputs: [{ path: temp.join("d") }] };
    const plan = await planCreation(options);
    const path = temp.join("d/999");
    meddle(path);
    const form = {
      pieceLength: 16384,
      sha1: true,
      sha256: false,
      padFiles: false,
      padLast: false,
    };
    const error = await assertRejects(
      () => hashEntries(plan, form, options),
      CreateError,
    );
    assertEquals([error.code, error.path], ["changed", path]);
  });
}

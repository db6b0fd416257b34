import { assert, assertEquals, assertRejects } from "@std/assert";
import { seededRandom, shuffle } from "../../_shared/random.ts";
import {
  createMetainfo,
  diskPaths,
  type ExpectedHashes,
  type Metainfo,
  parseMetainfo,
  pieceRoot,
  VerifyError,
  verifyPieces,
  type VerifyPiecesOptions,
} from "../../metainfo/mod.ts";
import { fromFileUrl, TempDir } from "../support/paths.ts";
import { bytesOf, type Tree, writeTree } from "./_payload.ts";
import { outputOf } from "../support/process.ts";

const TREE: Tree = {
  "d/a": bytesOf(100_000, 1),
  "d/b": bytesOf(0, 2),
  "d/c": bytesOf(5000, 3),
  "d/d": bytesOf(5001, 4),
  "d/e": bytesOf(65_536, 5),
  "d/f": bytesOf(70_000, 6),
};

type Algorithm = "sha1" | "sha256" | "both";

function optionsOf(
  metainfo: Metainfo,
  folder: string,
  algorithm: Algorithm,
): VerifyPiecesOptions {
  const { layout, pieces } = metainfo;
  const rootOf = (i: number) => pieceRoot(metainfo, i);
  return {
    layout,
    filePaths: diskPaths(metainfo).map((path) => [folder, ...path].join("/")),
    expected: {
      pieces: algorithm === "sha256" ? undefined : pieces,
      pieceRoot: algorithm === "sha1" ? undefined : rootOf,
    },
  };
}

async function scene(version: "v1" | "v2" | "hybrid", temp: TempDir) {
  await writeTree(temp.path, TREE);
  return parseMetainfo(
    await createMetainfo({
      inputs: [{ path: temp.join("d") }],
      version,
      pieceLength: 32768,
    }),
  );
}

/** Flips one byte of a file. */
async function spoil(path: string, offset: number): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[offset]! ^= 1;
  await Deno.writeFile(path, bytes);
}

const KINDS = [
  ["v1", "sha1"],
  // Roots may be asked for though there are none.
  ["v1", "both"],
  ["v2", "sha256"],
  ["hybrid", "sha1"],
  ["hybrid", "sha256"],
  ["hybrid", "both"],
] as const;

for (const [version, algorithm] of KINDS) {
  Deno.test(`verifyPieces() finds good and bad pieces: ${version}, ${algorithm}`, async () => {
    await using temp = new TempDir();
    const metainfo = await scene(version, temp);
    const options = optionsOf(metainfo, temp.path, algorithm);
    const { layout } = metainfo;
    const good = await verifyPieces(options);
    assertEquals(good, {
      goodCount: layout.pieceCount,
      bad: [],
      contradictory: [],
      missingFiles: [],
      shortFiles: [],
      surplusFiles: [],
    });

    const index = (name: string) =>
      metainfo.files.findIndex((file) => file.path[0] === name);
    const placed = layout.files[index("f")]!;
    await spoil(temp.join("d/f"), 69_999);
    const at = Math.floor((placed.offset + 69_999) / 32768);
    const calls: [number, boolean][] = [];
    const spoilt = await verifyPieces({
      ...options,
      onPiece: (...call) => calls.push(call),
    });
    assertEquals(spoilt.bad, [at]);
    calls.sort((a, b) => a[0] - b[0]);
    assertEquals(
      calls,
      Array.from({ length: layout.pieceCount }, (_, i) => [i, i !== at]),
    );

    await Deno.remove(temp.join("d/c"));
    await Deno.remove(temp.join("d/b"));
    await Deno.truncate(temp.join("d/a"), 99_999);
    const broken = await verifyPieces(options);
    assertEquals(broken.missingFiles, [index("b"), index("c")]);
    assertEquals(broken.shortFiles, [index("a")]);
    const { end } = layout.filePieces(index("a"));
    const c = layout.filePieces(index("c"));
    const expected = new Set([end - 1, at]);
    for (let i = c.first; i < c.end; i++) expected.add(i);
    assertEquals(broken.bad, [...expected].sort((a, b) => a - b));
    assertEquals(broken.goodCount + broken.bad.length, layout.pieceCount);
  });
}

Deno.test("verifyPieces() tells which files are too long", async () => {
  await using temp = new TempDir();
  const metainfo = await scene("v1", temp);
  const options = optionsOf(metainfo, temp.path, "sha1");
  const index = (name: string) =>
    metainfo.files.findIndex((file) => file.path[0] === name);
  const empty = metainfo.files.findIndex((file) => file.length === 0);
  const paths = [options.filePaths[index("a")]!, options.filePaths[empty]!];
  for (const path of paths) {
    await Deno.writeFile(path, new Uint8Array(5), { append: true });
  }
  for (const threads of [1, 2]) {
    const result = await verifyPieces({ ...options, threads });
    assertEquals(
      result.surplusFiles,
      [index("a"), empty].sort((a, b) => a - b),
    );
    assertEquals(result.bad, []);
    assertEquals(result.missingFiles, []);
  }
});

Deno.test("verifyPieces() tells where the hashes of a hybrid disagree", async () => {
  await using temp = new TempDir();
  const metainfo = await scene("hybrid", temp);
  const options = optionsOf(metainfo, temp.path, "both");
  const pieces = metainfo.pieces!.slice();
  pieces[0]! ^= 1;
  pieces[40]! ^= 1;
  const rootOf = (i: number) => {
    const hash = pieceRoot(metainfo, i)!.hash.slice();
    if (i === 1 || i === 2) hash[0]! ^= 1;
    return { hash };
  };
  for (const threads of [1, 2]) {
    const wrong: ExpectedHashes = { pieces, pieceRoot: rootOf };
    const result = await verifyPieces({ ...options, expected: wrong, threads });
    assertEquals(result.bad, [0, 1, 2]);
    assertEquals(result.contradictory, [0, 1]);
    // Where no tree is known the other hash decides.
    const half = await verifyPieces({
      ...options,
      expected: { pieces, pieceRoot: (i) => i < 2 ? undefined : rootOf(i) },
      threads,
    });
    assertEquals(half.bad, [0, 2]);
    assertEquals(half.contradictory, []);
  }
});

Deno.test("verifyPieces() finds every spoilt piece of seeded damage", async () => {
  const seed = 77;
  const random = seededRandom(seed);
  await using temp = new TempDir();
  const metainfo = await scene("v1", temp);
  const { layout } = metainfo;
  const options = optionsOf(metainfo, temp.path, "sha1");
  for (let round = 0; round < 10; round++) {
    await writeTree(temp.path, TREE);
    const order = Array.from({ length: layout.pieceCount }, (_, i) => i);
    shuffle(random, order);
    const bad = order.slice(0, round).sort((a, b) => a - b);
    for (const i of bad) {
      const [span] = layout.spans(i, layout.pieceSize(i) - 1, 1);
      await spoil(options.filePaths[span!.fileIndex]!, span!.fileOffset);
    }
    const result = await verifyPieces(options);
    assertEquals(result.bad, bad, `seed ${seed}, round ${round}`);
  }
});

Deno.test("verifyPieces() checks only the pieces it is asked for", async () => {
  await using temp = new TempDir();
  const metainfo = await scene("v1", temp);
  const options = optionsOf(metainfo, temp.path, "sha1");
  await spoil(temp.join("d/a"), 0);
  await spoil(temp.join("d/a"), 40_000);
  const seen: number[] = [];
  const progress: number[] = [];
  const result = await verifyPieces({
    ...options,
    pieces: [0, 3, 0],
    onPiece: (index) => seen.push(index),
    onProgress: ({ hashedBytes, totalBytes }) =>
      progress.push(hashedBytes, totalBytes),
  });
  assertEquals([result.goodCount, result.bad], [1, [0]]);
  assertEquals(seen.sort(), [0, 3]);
  assertEquals(progress, [65536, 65536]);
  const nothing = await verifyPieces({ ...options, pieces: [] });
  assertEquals([nothing.goodCount, nothing.bad], [0, []]);
});

Deno.test("verifyPieces() takes a folder in the place of a file as absent", async () => {
  await using temp = new TempDir();
  const metainfo = await scene("v1", temp);
  const options = optionsOf(metainfo, temp.path, "sha1");
  for (const name of ["d/b", "d/e"]) {
    await Deno.remove(temp.join(name));
    await Deno.mkdir(temp.join(name));
  }
  const result = await verifyPieces(options);
  assertEquals(result.missingFiles, [1, 4]);
  await Deno.remove(temp.join("d"), { recursive: true });
  await Deno.writeTextFile(temp.join("d"), "in the way");
  const none = await verifyPieces(options);
  assertEquals(none.missingFiles.length, 6);
  assertEquals(none.goodCount, 0);
});

Deno.test({
  name: "verifyPieces() does not wait for a pipe in the place of a file",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = new TempDir();
    const metainfo = await scene("v1", temp);
    const options = optionsOf(metainfo, temp.path, "sha1");
    const pipe = temp.join("d/b");
    await Deno.remove(pipe);
    const made = await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assertEquals(made.code, 0);
    assertEquals((await verifyPieces(options)).missingFiles, [1]);
  },
});

Deno.test("verifyPieces() refuses what does not fit together", async () => {
  await using temp = new TempDir();
  const options = optionsOf(await scene("v1", temp), temp.path, "sha1");
  const hashes = new Uint8Array(20 * options.layout.pieceCount);
  const wrong: Partial<VerifyPiecesOptions>[] = [
    { expected: { pieces: hashes.subarray(1) } },
    { expected: { pieces: new Uint8Array(hashes.length + 20) } },
    { filePaths: options.filePaths.slice(1) },
    { pieces: [-1] },
    { pieces: [options.layout.pieceCount] },
    { pieces: [0.5] },
    { threads: 0 },
    { threads: 1.5 },
    { threads: 1025 },
  ];
  for (const part of wrong) {
    await assertRejects(
      () => verifyPieces({ ...options, ...part }),
      RangeError,
    );
  }
});

Deno.test("verifyPieces() stops on abort", async () => {
  await using temp = new TempDir();
  const options = optionsOf(await scene("v1", temp), temp.path, "sha1");
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    verifyPieces({ ...options, signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
});

const SPARSE_LENGTH = 200 * 2 ** 20;
const VERIFY_URL = new URL("../../metainfo/verify.ts", import.meta.url);
const LAYOUT_URL = new URL("../../metainfo/piece_layout.ts", import.meta.url);
const MODULE_URL = new URL("../../metainfo/", import.meta.url);

/** Verifies a sparse file in a process of its own; gives what it prints. */
async function verifyNarrowly(
  temp: TempDir,
  permissions: string[],
): Promise<string> {
  const script = temp.join("script.ts");
  await Deno.writeTextFile(
    script,
    `
    import { verifyPieces } from ${JSON.stringify(VERIFY_URL.href)};
    import { PieceLayout } from ${JSON.stringify(LAYOUT_URL.href)};
    let workers = 0;
    const Original = Worker;
    globalThis.Worker = class extends Original {
      constructor(url, options) {
        super(url, options);
        workers++;
      }
    };
    const length = ${SPARSE_LENGTH};
    try {
      const { bad } = await verifyPieces({
        layout: new PieceLayout({ pieceLength: 2 ** 20, files: [{ length }] }),
        filePaths: [${JSON.stringify(temp.join("sparse"))}],
        expected: { pieces: new Uint8Array(4000) },
        threads: 2,
      });
      console.log(bad.length, "bad", workers, "workers");
    } catch (error) {
      console.log(error.name, error.code, error.cause.failure.name);
    }
  `,
  );
  const { stdout, stderr } = await outputOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-check", "--no-prompt"]
        .concat(permissions, script),
      env: { NO_COLOR: "1" },
    }),
  );
  return stdout + stderr;
}

Deno.test("verifyPieces() uses workers where they may be read, else one thread", async () => {
  await using temp = new TempDir();
  const path = temp.join("sparse");
  await Deno.writeFile(path, new Uint8Array(0));
  await Deno.truncate(path, SPARSE_LENGTH);
  assertEquals(
    await verifyNarrowly(temp, [`--allow-read=${path}`]),
    "200 bad 0 workers\n",
  );
  const both = `--allow-read=${path},${fromFileUrl(MODULE_URL)}`;
  assertEquals(await verifyNarrowly(temp, [both]), "200 bad 1 workers\n");
  assertEquals(
    await verifyNarrowly(temp, []),
    "VerifyError read-failed NotCapable\n",
  );
});

Deno.test("VerifyError names the file", () => {
  const error = new VerifyError("Cannot", "/p", { cause: 1 });
  assert(error instanceof Error);
  assertEquals([error.name, error.code, error.path, error.cause], [
    "VerifyError",
    "read-failed",
    "/p",
    1,
  ]);
});

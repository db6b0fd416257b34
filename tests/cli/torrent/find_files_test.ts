/** Files of a torrent that lie in other folders under other names. */
import { assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../../cli/error.ts";
import { findFiles } from "../../../cli/torrent/find_files.ts";
import { createMetainfo, parseMetainfo } from "../../../metainfo/mod.ts";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";

const LOCAL = ["--listen", "127.0.0.1", "--port", "0", "--json"];
const NOBODY = ["--no-dht", "--no-lpd", "--no-trackers", "--no-pex"];

const bytes = (length: number, seed: number) =>
  new Uint8Array(length).map((_, i) => (i * seed) ^ (i >> 7));

/** What the torrent has, `[path, length, seed]`. */
const FILES = [
  ["big.mkv", 200_000, 3],
  ["sub/other.mkv", 200_000, 5],
  ["sub/small.txt", 900, 7],
  ["tail.txt", 900, 9],
  ["empty", 0, 1],
] as const;

/** A torrent, and its files under other names among decoys of their size. */
async function scene(temp: TempDir, version: "v1" | "v2" | "hybrid") {
  const torrent = await createMetainfo({
    version,
    pieceLength: 16_384,
    inputs: FILES.map(([path, length, seed]) => ({
      path: ["T", ...path.split("/")],
      bytes: bytes(length, seed),
    })),
  });
  const heap = temp.join("heap");
  const write = async (path: string, data: Uint8Array) => {
    const at = `${heap}/${path}`;
    await Deno.mkdir(at.slice(0, at.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(at, data);
  };
  await write("a/b/c/1", bytes(200_000, 3));
  await write("2.mkv", bytes(200_000, 5));
  await write("3", bytes(900, 7));
  await write("x/4", bytes(900, 9));
  // Of the same size and name, and wrong, all or at the end.
  await write("big.mkv", bytes(200_000, 11));
  await write("y/other.mkv", bytes(200_000, 5).fill(0, 180_000));
  await write("y/small.txt", bytes(900, 13));
  return { torrent, metainfo: parseMetainfo(torrent), heap };
}

for (const version of ["v1", "v2", "hybrid"] as const) {
  Deno.test(`findFiles knows files by their hashes (${version})`, async () => {
    await using temp = new TempDir();
    const { metainfo, heap } = await scene(temp, version);
    const found = await findFiles(metainfo, [heap]);
    const names = new Map(
      Array.from(
        found,
        ([i, path]) => [metainfo.files[i]!.path.join("/"), path],
      ),
    );
    assertEquals(names.get("big.mkv"), `${heap}/a/b/c/1`);
    assertEquals(names.get("sub/other.mkv"), `${heap}/2.mkv`);
    if (version === "v2") {
      assertEquals(names.get("sub/small.txt"), `${heap}/3`);
      assertEquals(names.get("tail.txt"), `${heap}/x/4`);
    }
    const big = metainfo.files.findIndex(({ path }) => path[0] === "big.mkv");
    const one = await findFiles(metainfo, [heap], { only: [big] });
    assertEquals([...one.keys()], [big]);
  });
}

Deno.test("findFiles: small files are known with their neighbours", async () => {
  await using temp = new TempDir();
  const { metainfo, heap } = await scene(temp, "v1");
  await Deno.remove(`${heap}/y`, { recursive: true });
  await Deno.rename(`${heap}/x/4`, `${heap}/tail.txt`);
  await Deno.rename(`${heap}/3`, `${heap}/small.txt`);
  const found = await findFiles(metainfo, [heap]);
  // All but the empty one.
  assertEquals([...found.keys()].sort(), [0, 2, 3, 4]);
});

Deno.test("findFiles follows no links, and says what it cannot read", async () => {
  await using temp = new TempDir();
  const { metainfo, heap } = await scene(temp, "v2");
  const links = temp.join("links");
  await Deno.mkdir(links);
  await Deno.symlink(heap, `${links}/folder`);
  await Deno.symlink(`${heap}/2.mkv`, `${links}/file`);
  assertEquals((await findFiles(metainfo, [links])).size, 0);
  const error = await assertRejects(
    () => findFiles(metainfo, [temp.join("none")]),
    CommandError,
  );
  assertEquals([error.exitCode, error.code], [6, "not-found"]);
  await assertRejects(
    () => findFiles(metainfo, [heap], { signal: AbortSignal.abort("x") }),
  );
});

Deno.test("bip seed --find serves files from where they lie; download --find copies them", async () => {
  await using temp = new TempDir();
  const { torrent, heap } = await scene(temp, "v2");
  const path = temp.join("t.torrent");
  await Deno.writeFile(path, torrent);
  const before = await Deno.readFile(`${heap}/a/b/c/1`);
  await using seed = startBip(["seed", path, "--find", heap, ...LOCAL]);
  const { port } = await seed.line("listening");
  const out = temp.join("out");
  const peer = `127.0.0.1:${port}`;
  const got = await runBip(
    ["download", path, "-o", out, "--peer", peer, "--timeout", "30", ...LOCAL],
  );
  assertEquals(got.code, 0, got.stderr);
  const copies = temp.join("copies");
  const copied = await runBip(
    [
      "download",
      path,
      "--find",
      heap,
      "-o",
      temp.join("first"),
      "--move-completed",
      copies,
      ...LOCAL,
    ],
  );
  assertEquals(copied.code, 0, copied.stderr);
  const { downloaded } = copied.lines.find(({ type }) => type === "complete")!;
  assertEquals(downloaded, 0);
  assertEquals([...Deno.readDirSync(temp.join("first"))], []);
  for (const dir of [out, copies]) {
    for (const [name, length, seed] of FILES) {
      assertEquals(
        await Deno.readFile(`${dir}/T/${name}`),
        bytes(length, seed),
      );
    }
  }
  assertEquals(await Deno.readFile(`${heap}/a/b/c/1`), before);
  for (
    const [what, ...args] of [
      ["Give --find or DIR, not both", "seed", path, heap, "--find", heap],
      ["--find is for a torrent file", "seed", heap, "--find", heap],
      [
        "--find is for torrent files",
        "download",
        "a".repeat(40),
        "--peer",
        peer,
        "--find",
        heap,
      ],
    ]
  ) {
    const { code, stderr } = await runBip([...args, ...NOBODY]);
    assertEquals(code, 2, stderr);
    assertEquals(stderr.includes(what!), true, stderr);
  }
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";

const LOCAL = ["--listen", "127.0.0.1", "--no-pex", "--seed-time", "0.3"];

Deno.test("bip seed tells how it is found, and what came of it", async () => {
  await using temp = new TempDir();
  await Deno.mkdir(temp.join("album"));
  await Deno.writeTextFile(temp.join("album/a"), "a");
  await Deno.writeTextFile(temp.join("album/b"), "b");
  await Deno.writeTextFile(temp.join("album/.hidden"), "h");
  const torrent = temp.join("t.torrent");
  const permissions = [
    "--allow-net",
    `--allow-read=${temp.path}`,
    `--allow-write=${torrent}`,
  ];
  const options = { permissions, cwd: temp.path };
  const made = await runBip([
    "seed",
    "album",
    "--save-torrent",
    torrent,
    "--tracker",
    "udp://127.0.0.1:9/announce",
    "--port",
    "0",
    ...LOCAL,
  ], options);
  assertEquals(made.code, 0, made.stderr);
  assertStringIncludes(made.stderr, "left out 1 hidden");
  assertMatch(
    made.stderr,
    /Seeding {7}album\nInfo-hash v1 {2}[0-9a-f]{40}\nMagnet {8}magnet:\?xt=urn:btih:[0-9a-f]{40}\S*&tr=udp\S+\nListening on {2}127\.0\.0\.1:\d+\n/,
  );
  assertMatch(made.stderr, /Uploaded 0 B, ratio 0\.00, in \d+s\n/);
  // The torrent's own folder, the one around it, and files of one folder.
  using _taken = await takePort(6881);
  for (
    const operands of [
      [torrent, "album"],
      [torrent, "."],
      [torrent],
      ["album", torrent],
      [".", torrent],
      ["album/a", "album/b"],
    ]
  ) {
    const { code, lines, stderr } = await runBip(
      ["seed", ...operands, "--json", ...LOCAL],
      options,
    );
    assertEquals(code, 0, stderr);
    const { name } = lines.find(({ type }) => type === "torrent")!;
    assertEquals(name, "album", operands.join());
  }
  const { stderr } = await runBip(["seed", "album", ...LOCAL], options);
  assertMatch(
    stderr,
    /Listening on {2}127\.0\.0\.1:\d+ \(port 6881 is taken\)/,
  );
  const hash = "a".repeat(40);
  for (
    const [operands, why] of [
      [["album/a", torrent, "album"], "one torrent file and one DIR"],
      [["album/a", "album/b", torrent], "one torrent file and one DIR"],
      [["album", hash], "no such file"],
      [["album", "--name", ""], "--name must not be empty"],
      [["", "album"], 'Cannot read "": there is no such file or folder'],
      [["no/such", "album/a"], "Cannot read no/such: there is no such"],
      [[hash, "album"], "not a magnet link or info-hash"],
    ] as const
  ) {
    const refused = await runBip(["seed", ...operands], options);
    assertMatch(refused.stderr, new RegExp(`error: .*${why}`));
  }
  // Two of one name.
  const twice = await runBip(["seed", "album/a", "album/a"], options);
  assertEquals(twice.code, 2, twice.stderr);
  const verified = await runBip(["verify", torrent, "album"], options);
  assertEquals(verified.code, 0, verified.stderr);
});

Deno.test("bip seed serves what is in several folders, under a name of its own", async () => {
  await using temp = new TempDir();
  for (const folder of ["all/x/y", "all/z/deep"]) {
    await Deno.mkdir(temp.join(folder), { recursive: true });
  }
  await Deno.writeTextFile(temp.join("all/x/y/a"), "one");
  await Deno.writeTextFile(temp.join("all/z/deep/b"), "two");
  const options = {
    cwd: temp.path,
    permissions: [
      "--allow-net",
      `--allow-read=${temp.path}`,
      `--allow-write=${temp.path}`,
    ],
  };
  for (
    const [operands, name, paths] of [
      [["all/x/y/a", "./all/z/"], "all", ["a", "z/deep/b"]],
      [["all/x/y/a", "all/z/deep", "--name", "N"], "N", ["a", "deep/b"]],
      [["all/z", "--name", "N"], "N", ["deep/b"]],
      [["all/x/y/a", "--name", "N"], "N", [""]],
    ] as const
  ) {
    const torrent = temp.join("t.torrent");
    await using seeder = startBip([
      "seed",
      ...operands,
      "--save-torrent",
      torrent,
      "--force",
      "--json",
      "--port",
      "0",
      ...LOCAL.slice(0, 3),
    ], options);
    const { port } = await seeder.line("listening");
    const out = temp.join(`out-${operands.length}-${paths.join().length}`);
    const { code, stderr } = await runBip([
      "download",
      torrent,
      "-o",
      out,
      "--peer",
      `127.0.0.1:${port}`,
      ...LOCAL.slice(0, 3),
    ], options);
    assertEquals(code, 0, stderr);
    const texts = await Promise.all(
      paths.map((path) =>
        Deno.readTextFile(`${out}/${name}/${path}`.replace(/\/$/, ""))
      ),
    );
    const expected = paths.map((path) => path.endsWith("b") ? "two" : "one");
    assertEquals(texts, expected);
  }
});

Deno.test({
  name: "bip seed serves what a person's links lead to, as bip verify reads it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = new TempDir();
    await Deno.mkdir(temp.join("elsewhere/album/sub"), { recursive: true });
    await Deno.mkdir(temp.join("in"));
    const album = temp.join("elsewhere/album");
    for (const name of ["a", "sub/b"]) {
      await Deno.writeTextFile(`${album}/${name}`, name);
    }
    await Deno.writeTextFile(temp.join("elsewhere/c.txt"), "c");
    await Deno.symlink("../c.txt", `${album}/c`);
    await Deno.symlink("../elsewhere/album", temp.join("in/album"));
    const options = { cwd: temp.path };
    const made = await runBip(
      ["create", "elsewhere/album", "-o", "t.torrent"],
      options,
    );
    assertEquals(made.code, 0, made.stderr);
    for (const folder of ["elsewhere", "elsewhere/album", "in"]) {
      const verified = await runBip(["verify", "t.torrent", folder], options);
      assertEquals(verified.code, 0, `${folder}: ${verified.stderr}`);
      const seeded = await runBip(
        ["seed", "t.torrent", folder, "--port", "0", "--json", ...LOCAL],
        options,
      );
      assertEquals(seeded.code, 0, `${folder}: ${seeded.stderr}`);
      const { pieces } = seeded.lines.findLast(({ type }) =>
        type === "progress"
      )!;
      assertEquals(pieces, 1);
    }
  },
});

Deno.test("bip seed says what of a torrent is wrong", async () => {
  await using temp = new TempDir();
  const bad = temp.join("bad");
  await Deno.writeTextFile(bad, "d4:infoi1ee");
  await using child = startBip(["seed", bad, temp.path, ...LOCAL]);
  const { code, stderr } = await child.result;
  assertEquals(code, 4, stderr);
});

/** Takes a port, as soon as it is free. */
async function takePort(port: number): Promise<Disposable> {
  const end = Date.now() + 30_000;
  while (true) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || Date.now() > end) {
        throw error;
      }
      // Another test has it, and gives it back.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseMetainfo } from "../../../metainfo/parse.ts";
import { bip, bipCommand } from "../../support/bip_command.ts";

/** A folder with a payload; narrow permissions to work in it. */
async function workshop() {
  const folder = await Deno.makeTempDir({ prefix: "bip-create-" });
  const path = (name: string) => `${folder}/${name}`;
  await Deno.mkdir(path("data/sub"), { recursive: true });
  const payload = new Uint8Array(100_000).map((_, index) => index * 7);
  await Deno.writeFile(path("data/a.bin"), payload);
  await Deno.writeFile(path("data/empty"), new Uint8Array());
  await Deno.writeTextFile(path("data/sub/\u00e9 \u5929.txt"), "text");
  return {
    folder,
    path,
    create: (...args: string[]) =>
      bip(["create", ...args], {
        cwd: folder,
        permissions: [
          "--allow-read=data,out.torrent,nosuch,nodir",
          "--allow-write=out.torrent,nodir",
        ],
      }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("bip create - relative paths, every option, the JSON document", async () => {
  await using shop = await workshop();
  const { code, stdout, stderr } = await shop.create(
    ...["data", "-o", "out.torrent", "--json", "--no-date", "--private"],
    ...["--name", "renamed", "--piece-length", "32KiB", "--comment", "a b"],
    ...["--source", "S", "--tracker", "http://a/x,udp://b:1"],
    ...["--tracker", "http://c/", "--web-seed", "http://w/"],
    ...["--node", "[::1]:6881", "--version", "hybrid", "--threads", "1"],
  );
  assertEquals(code, 0, stderr);
  const document = JSON.parse(stdout);
  const { magnet, infoHashV1, infoHashV2, ...rest } = document;
  assertEquals(rest, {
    output: "out.torrent",
    name: "renamed",
    version: "hybrid",
    pieceLength: 32768,
    pieceCount: 5,
    totalLength: 100_004,
    files: [
      { path: "renamed/a.bin", length: 100_000 },
      { path: "renamed/empty", length: 0 },
      { path: "renamed/sub/\u00e9 \u5929.txt", length: 4 },
    ],
    private: true,
    trackers: [["http://a/x", "udp://b:1"], ["http://c/"]],
    webSeeds: ["http://w/"],
    nodes: ["[::1]:6881"],
    comment: "a b",
    createdBy: "bip for Deno",
    creationDate: null,
    source: "S",
  });
  assertStringIncludes(magnet, `btih:${infoHashV1}`);
  const bytes = await Deno.readFile(shop.path("out.torrent"));
  const metainfo = parseMetainfo(bytes);
  assertEquals(metainfo.infoHashV1!.toHex(), infoHashV1);
  assertEquals(metainfo.infoHashV2!.toHex(), infoHashV2);
});

Deno.test("bip create - the same input gives the same bytes, also on stdout", async () => {
  await using shop = await workshop();
  const args = ["data", "--no-date", "--version", "v2"];
  assertEquals((await shop.create(...args, "-o", "out.torrent")).code, 0);
  const { stdout, code } = await bipCommand(
    ["create", ...args, "-o", "-"],
    { cwd: shop.folder, permissions: ["--allow-read=data"] },
  ).output();
  assertEquals(code, 0);
  assertEquals(stdout, await Deno.readFile(shop.path("out.torrent")));
});

Deno.test("bip create - never overwrites unless told to", async () => {
  await using shop = await workshop();
  await Deno.writeTextFile(shop.path("out.torrent"), "precious");
  const refused = await shop.create("data", "-o", "out.torrent");
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "--force");
  assertEquals(await Deno.readTextFile(shop.path("out.torrent")), "precious");
  assertEquals((await shop.create("data", "-fo", "out.torrent")).code, 0);
  parseMetainfo(await Deno.readFile(shop.path("out.torrent")));

  // The torrent would hold its own former self.
  await Deno.writeTextFile(shop.path("data/in.torrent"), "x");
  const inside = await bip(["create", "data", "-o", "data/in.torrent", "-f"], {
    cwd: shop.folder,
    permissions: ["--allow-read=.", "--allow-write=data/in.torrent"],
  });
  assertEquals(inside.code, 2);
  assertEquals(await Deno.readTextFile(shop.path("data/in.torrent")), "x");
});

Deno.test({
  name: "bip create - a failed --force takes nothing away",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using shop = await workshop();
    await Deno.symlink("/dev/full", shop.path("out.torrent"));
    const { code, stderr } = await bip(
      ["create", "data", "-o", "out.torrent", "--force"],
      { cwd: shop.folder, permissions: ["-A"] },
    );
    assertEquals(code, 6);
    assertStringIncludes(stderr, "the disk is full");
    // A device is no half torrent to be removed.
    assert((await Deno.lstat(shop.path("out.torrent"))).isSymlink);
    assert((await Deno.stat("/dev/full")).isCharDevice);
  },
});

Deno.test("bip create - mistakes and their exit codes, nothing written", async () => {
  await using shop = await workshop();
  const out = ["-o", "out.torrent"];
  const cases: [string[], number, string][] = [
    [["data"], 2, "Missing -o"],
    [["data", "x.torrent"], 2, "Did you mean -o x.torrent?"],
    [["-o", "out.torrent"], 2, "Missing PATH"],
    [["nosuch", ...out], 6, "nosuch"],
    [["data", "-o", "nodir/x.torrent"], 6, "nodir/x.torrent"],
    [["data", "-o", "data"], 2, "is a folder"],
    [["data/empty", ...out], 2, "bip: error:"],
    [["data", ...out, "--piece-length", "17"], 2, "piece length of 17"],
    [["data", ...out, "--piece-length", "big"], 2, "--piece-length"],
    [["data", ...out, "--version", "v3"], 2, "--version"],
    [["data", ...out, "--tracker", "nope"], 2, "nope"],
    [["data", ...out, "--web-seed", "nope"], 2, "nope"],
    [["data", ...out, "--node", "host"], 2, "--node"],
    [["data", ...out, "--node", "host:0"], 2, "--node"],
    [["data", ...out, "--threads", "0"], 2, "--threads"],
    [["data", "-o", "-", "--json"], 2, "both want stdout"],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await shop.create(...args);
    assertEquals(code, expected, `${args.join(" ")}: ${stderr}`);
    assertStringIncludes(stderr, message);
    assert(!stderr.includes("    at "), stderr);
    assertEquals(stdout, "");
  }
  const names = (await Array.fromAsync(Deno.readDir(shop.folder)))
    .map((entry) => entry.name);
  assertEquals(names, ["data"]);
});

Deno.test({
  name: "bip create - Ctrl-C ends it with 130 and leaves no file",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using shop = await workshop();
    // A sparse file: much to hash, nothing on disk.
    using file = await Deno.open(shop.path("data/big"), {
      write: true,
      create: true,
    });
    await file.truncate(64 * 1024 ** 3);
    const child = bipCommand(
      ["create", "data", "-o", "out.torrent", "--threads", "1", "--debug"],
      {
        cwd: shop.folder,
        permissions: ["--allow-read", "--allow-write=out.torrent"],
      },
    ).spawn();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGINT");
    const start = performance.now();
    const { code, stderr } = await child.output();
    assertEquals(code, 130, new TextDecoder().decode(stderr));
    assert(performance.now() - start < 5000);
    assertStringIncludes(new TextDecoder().decode(stderr), "interrupted");
    const names = (await Array.fromAsync(Deno.readDir(shop.folder)))
      .map((entry) => entry.name);
    assertEquals(names, ["data"]);
  },
});

Deno.test({
  name: "bip create - a name that is not UTF-8 is told, and can be left out",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using shop = await workshop();
    const script = 'printf x > "data/bad$(printf "\\377")name"';
    const made = await new Deno.Command("sh", {
      args: ["-c", script],
      cwd: shop.folder,
    }).output();
    assertEquals(made.code, 0);
    const refused = await shop.create("data", "-o", "out.torrent");
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(
      refused.stderr,
      'Cannot store "data/bad\ufffdname" in a torrent: its name is not UTF-8\n',
    );
    const args = ["data", "-o", "out.torrent", "--exclude", "bad*"];
    const without = await shop.create(...args);
    assertEquals(without.code, 0, without.stderr);
    assertStringIncludes(without.stdout, "in 3 files");
  },
});

Deno.test({
  name: "bip create - hidden files, links and pipes are never silent",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using shop = await workshop();
    await Deno.writeTextFile(shop.path("data/.DS_Store"), "x");
    await Deno.writeTextFile(shop.path("data/Thumbs.db"), "x");
    await Deno.mkdir(shop.path("far"));
    await Deno.writeTextFile(shop.path("far/b"), "far");
    await Deno.symlink("../far/b", shop.path("data/link"));
    await Deno.symlink(".", shop.path("data/round"));
    await Deno.symlink("a.bin", shop.path("data/same"));
    await new Deno.Command("mkfifo", { args: [shop.path("data/pipe")] })
      .output();
    const create = async (...args: string[]) => {
      const { code, stdout, stderr } = await bip(
        ["create", "data", "--dry-run", "--json", ...args],
        { cwd: shop.folder, permissions: ["--allow-read=data,far"] },
      );
      const { files, ...rest } = code === 0
        ? JSON.parse(stdout)
        : { files: [] };
      const paths = files.map(({ path }: { path: string }) => path.slice(5));
      return { code, paths, rest, stderr };
    };
    const plain = ["a.bin", "empty", "sub/\u00e9 \u5929.txt"];
    const followed = await create();
    assertEquals(followed.paths, [
      ...["a.bin", "empty", "link", "same"],
      plain[2],
    ]);
    assertEquals(followed.rest.totalLength, 200_007);
    assertStringIncludes(
      followed.stderr,
      "followed 2 symbolic links; left out 2 hidden or system files (--hidden takes them), 1 link to a folder that it is in, 1 pipe, socket or device",
    );
    const kept = await create("--symlinks", "keep", "--hidden");
    assertEquals(kept.paths, [
      ...[".DS_Store", "Thumbs.db", "a.bin", "empty", "same"],
      plain[2],
    ]);
    assertStringIncludes(kept.stderr, "kept 1 symbolic link as such");
    const refused = await create("--symlinks", "refuse");
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "data/link");
    const chosen = await create("--include", "sub", "--include", "*.bin");
    assertEquals(chosen.paths, ["a.bin", plain[2]]);
    const most = await create("--exclude", "sub", "--exclude", "[a-p]*");
    assertEquals(most.paths, ["same"]);
    const none = await create("--exclude", "*");
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "by --exclude");
    const odd = await create("--symlinks", "skip");
    assertEquals(odd.code, 2);
    assertStringIncludes(odd.stderr, "follow, keep, refuse");
    const names = (await Array.fromAsync(Deno.readDir(shop.folder)))
      .map(({ name }) => name).sort();
    assertEquals(names, ["data", "far"]);
  },
});

Deno.test("bip create - where it cannot write is told before anything is read", async () => {
  await using shop = await workshop();
  const refusals: [string, number, string][] = [
    ["nodir/x.torrent", 6, "Cannot write nodir/x.torrent"],
    ["data", 2, "it is a folder"],
    ["data/a.bin", 2, "it already exists"],
  ];
  if (Deno.build.os === "linux") {
    refusals.push(["/proc/x.torrent", 6, "Cannot write /proc/x.torrent"]);
  }
  for (const [path, expected, message] of refusals) {
    const { code, stderr } = await bip(["create", "nosuch", "-o", path], {
      cwd: shop.folder,
      permissions: ["-A"],
    });
    assertEquals(code, expected, stderr);
    assertStringIncludes(stderr, message);
  }
  using file = await Deno.open(shop.path("data/big"), {
    write: true,
    create: true,
  });
  await file.truncate(64 * 1024 ** 3);
  const long = await shop.create("data", "-n", "--piece-length", "16K");
  assertEquals(long.code, 2, long.stderr);
  assertStringIncludes(long.stderr, "--piece-length");
});

Deno.test("bip create - empty texts are none, what matches nothing is told", async () => {
  await using shop = await workshop();
  const unset = ["--comment", "", "--source", ""];
  const { code, stdout, stderr } = await shop.create(
    ...["data", "-o", "out.torrent", "--json", "--exclude", "data/sub"],
    ...unset,
  );
  assertEquals(code, 0, stderr);
  const { comment, source, files } = JSON.parse(stdout);
  assertEquals([comment, source, files.length], [null, null, 3]);
  assertStringIncludes(stderr, 'Note: --exclude "data/sub" matches nothing');
  const named = await shop.create("data", "data/a.bin", "-n");
  assertEquals(named.code, 2);
  assertStringIncludes(named.stderr, "--name");
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decodeBencode, encodeBencode } from "../../../bencode/mod.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import { pieceRoot } from "../../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../../metainfo/parse.ts";
import { bip } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";

async function workshop(version: string) {
  const folder = await Deno.makeTempDir({ prefix: "bip-verify-" });
  const path = (name: string) => `${folder}/${name}`;
  await Deno.mkdir(path("data/sub"), { recursive: true });
  await Deno.writeFile(path("data/a.bin"), new Uint8Array(100_000).fill(7));
  await Deno.writeFile(path("data/b.bin"), new Uint8Array(50_000).fill(9));
  await Deno.writeFile(path("data/sub/\ue000e"), new Uint8Array(3));
  const made = await bip(
    ["create", "data", "-o", "t.torrent", "--version", version],
    {
      cwd: folder,
      permissions: ["--allow-read=.", "--allow-write=t.torrent"],
    },
  );
  assertEquals(made.code, 0, made.stderr);
  return {
    path,
    verify: (...args: string[]) =>
      bip(["verify", ...args], {
        cwd: folder,
        permissions: ["--allow-read=."],
      }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

for (const version of ["v1", "v2", "hybrid"]) {
  Deno.test(`bip verify - ${version}: good, damaged, missing`, async () => {
    await using shop = await workshop(version);
    const good = await shop.verify("t.torrent", ".", "--json");
    assertEquals(good.code, 0, good.stderr);
    const all = JSON.parse(good.stdout);
    assertEquals(all, {
      pieces: all.pieces,
      good: all.pieces,
      bad: [],
      missing: [],
    });
    assert(all.pieces >= 10);

    const file = await Deno.open(shop.path("data/a.bin"), { write: true });
    await file.seek(20_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1]));
    file.close();
    const bad = await shop.verify("t.torrent", ".", "--json");
    assertEquals(bad.code, 3);
    assertEquals(JSON.parse(bad.stdout), {
      pieces: all.pieces,
      good: all.pieces - 1,
      bad: [1],
      missing: [],
    });
    const shown = await shop.verify("t.torrent", ".");
    assertEquals(shown.code, 3);
    assertStringIncludes(shown.stdout, "bad pieces: 1\n");
    assertStringIncludes(shown.stdout, "damaged: data/a.bin\n");

    await Deno.remove(shop.path("data/b.bin"));
    const missing = await shop.verify(
      "t.torrent",
      ".",
      "--json",
      "--threads=1",
    );
    assertEquals(missing.code, 3);
    const document = JSON.parse(missing.stdout);
    assertEquals(document.missing, ["data/b.bin"]);
    assertEquals(document.good + document.bad.length, document.pieces);
    assert(document.bad.length > 1);
  });
}

Deno.test("bip verify - files that are longer than they should be", async () => {
  await using shop = await workshop("v1");
  await Deno.writeFile(shop.path("data/a.bin"), new Uint8Array(1), {
    append: true,
  });
  const result = await shop.verify("t.torrent", ".", "--json");
  assertEquals(result.code, 3);
  const document = JSON.parse(result.stdout);
  assertEquals(document.surplus, ["data/a.bin"]);
  assertEquals(document.bad, []);
  const shown = await shop.verify("t.torrent", ".");
  assertEquals(shown.code, 3);
  assertStringIncludes(shown.stdout, "longer than it should be: data/a.bin\n");
});

Deno.test({
  name: "bip verify - what cannot be read does not end the check of the rest",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using shop = await workshop("v1");
    const [a, b] = [shop.path("data/a.bin"), shop.path("data/b.bin")];
    await Deno.remove(b);
    await Deno.symlink("b.bin", b);
    const odd = shop.path("data/sub/\ue000e");
    await Deno.remove(odd);
    await Deno.mkdir(odd);
    const shown = await shop.verify("t.torrent", ".");
    assertEquals(shown.code, 6, shown.stderr);
    assertEquals(
      shown.stdout,
      "incomplete: 6 of 10 pieces are good (146 KiB)\nbad pieces: 6-9\n" +
        "missing: data/sub/\\u{e000}e\n" +
        "unreadable: data/b.bin (its links form a loop)\n" +
        "perhaps damaged: data/a.bin, shares a bad piece with the above\n",
    );
    await Deno.truncate(a, 90_000);
    const document = await shop.verify("t.torrent", ".", "--json");
    assertEquals(document.code, 6, document.stderr);
    assertEquals(JSON.parse(document.stdout), {
      pieces: 10,
      good: 5,
      bad: [5, 6, 7, 8, 9],
      missing: ["data/sub/\ue000e"],
      short: ["data/a.bin"],
      unreadable: ["data/b.bin"],
    });
    const { stdout } = await shop.verify("t.torrent", ".");
    assertStringIncludes(stdout, "shorter than it should be: data/a.bin\n");
  },
});

Deno.test("bip create, info, verify - names that others cannot hold", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  const names = ["a\u200bb", "c:d", "e\x01", "README", "readme", "ab"];
  await Deno.mkdir(`${folder}/in/d`, { recursive: true });
  for (const name of names) {
    await Deno.writeTextFile(`${folder}/in/d/${name}`, name);
  }
  const permissions = ["--allow-read=.", "--allow-write=t.torrent"];
  const run = (...args: string[]) => bip(args, { cwd: folder, permissions });
  const made = await run("create", "in/d", "-o", "t.torrent");
  assertEquals(made.code, 0, made.stderr);
  assertStringIncludes(
    made.stderr,
    "d/a\\u{200b}b has unsafe or invisible characters",
  );
  assertStringIncludes(made.stderr, "d/c:d is not allowed on Windows");
  assertStringIncludes(made.stderr, "d/readme differs from another only");
  const info = await run("info", "t.torrent", "--json");
  const document = JSON.parse(info.stdout);
  assertEquals(
    document.files.map(({ path }: { path: string }) => path).sort(),
    ["README", "ab", "ab.1", "c:d", "e_", "readme"].map((n) => `d/${n}`)
      .sort(),
  );
  assertEquals(document.renamed.length, 2);
  const found = await run("verify", "t.torrent", "in", "--json");
  assertEquals(found.code, 0, found.stdout);
  assertEquals(JSON.parse(found.stdout).renamed, undefined);
  // The same content under the names that we give.
  await Deno.mkdir(`${folder}/out/d`, { recursive: true });
  for (const { from, to } of document.renamed) {
    await Deno.rename(`${folder}/in/${from}`, `${folder}/in/${to}.moved`);
  }
  for (const { to } of document.renamed) {
    await Deno.rename(`${folder}/in/${to}.moved`, `${folder}/in/${to}`);
  }
  const renamed = await run("verify", "t.torrent", "in", "--json");
  assertEquals(renamed.code, 0, renamed.stdout);
  assertEquals(
    JSON.parse(renamed.stdout).renamed.map(({ to }: { to: string }) => to),
    document.renamed.map(({ to }: { to: string }) => to),
  );
});

Deno.test("bip verify - a hybrid whose two hashes disagree", async () => {
  await using shop = await workshop("hybrid");
  const file = decodeBencode(await Deno.readFile(shop.path("t.torrent")));
  assert(file instanceof Map);
  const info = file.get("info");
  assert(info instanceof Map);
  const pieces = info.get("pieces") as Uint8Array;
  info.set("pieces", pieces.with(5, pieces[5]! ^ 1));
  await Deno.writeFile(shop.path("t.torrent"), encodeBencode(file));
  const shown = await shop.verify("t.torrent", ".");
  assertEquals(shown.code, 3);
  assertStringIncludes(shown.stdout, "contradictory pieces: 0\n");
  assertStringIncludes(shown.stderr, "no data can match both");
  const json = JSON.parse(
    (await shop.verify("t.torrent", ".", "--json")).stdout,
  );
  assertEquals([json.bad, json.contradictory], [[0], [0]]);
});

Deno.test("bip verify - what was left out is read from the part file", async () => {
  for (const version of ["v1", "hybrid"]) {
    await using shop = await workshop(version);
    const metainfo = parseMetainfo(await Deno.readFile(shop.path("t.torrent")));
    const paths = metainfo.files.map(({ path }) => ["data", ...path]);
    const skipped = metainfo.files.findIndex(({ path }) => path[0] === "b.bin");
    await using disk = new DiskManager({
      fileSystem: new NativeFileSystem(shop.path("out")),
    });
    const storage = await disk.add({
      infoHash: metainfo.infoHash,
      layout: metainfo.layout,
      paths,
      pieces: metainfo.pieces,
      pieceRoot: (pieceIndex) => pieceRoot(metainfo, pieceIndex),
    }, { skippedFiles: new Set([skipped]) });
    const whole = new Set<number>();
    metainfo.layout.files.forEach((file, i) => {
      const { first, end } = metainfo.layout.filePieces(i);
      if (i === skipped || file.pad) return;
      for (let piece = first; piece < end; piece++) whole.add(piece);
    });
    for (const piece of whole) {
      const bytes = new Uint8Array(metainfo.layout.pieceSize(piece));
      for (const span of metainfo.layout.spans(piece, 0, bytes.length)) {
        if (span.pad) continue;
        const name = paths[span.fileIndex]!.join("/");
        const file = await Deno.readFile(shop.path(name));
        bytes.set(
          file.subarray(span.fileOffset, span.fileOffset + span.length),
          span.dataOffset,
        );
      }
      storage.writeBlock(piece, 0, bytes);
    }
    await storage.flush();
    assertEquals(storage.have.count, whole.size);
    const json = await shop.verify("t.torrent", "out", "--json");
    assertEquals(json.code, 3, json.stderr);
    const document = JSON.parse(json.stdout);
    assertEquals(document.good, whole.size);
    assertEquals(document.missing, ["data/b.bin"]);
    assert(document.bad.every((piece: number) => !whole.has(piece)));
    const shown = await shop.verify("t.torrent", "out");
    assert(!shown.stdout.includes("damaged"), shown.stdout);
  }
});

Deno.test("bip verify - names are shown harmless", async () => {
  await using shop = await workshop("v1");
  await Deno.remove(shop.path("data/sub"), { recursive: true });
  const { code, stdout } = await shop.verify("t.torrent", ".");
  assertEquals(code, 3);
  assertStringIncludes(stdout, "missing: data/sub/");
  assert(!stdout.includes("\ue000"), JSON.stringify(stdout));
});

Deno.test("bip verify, seed - a person may stand in the torrent's own folder", async () => {
  await using shop = await workshop("v1");
  const options = {
    cwd: shop.path("data"),
    permissions: ["--allow-read=..", "--allow-net"],
  };
  const alone = ["--listen", "127.0.0.1", "--port", "0", "--seed-time", "0"];
  for (
    const args of [
      ["verify", "../t.torrent", "."],
      ["verify", "../t.torrent", "./"],
      ["seed", "../t.torrent", ...alone],
    ]
  ) {
    const { code, stderr } = await bip(args, options);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  }
});

Deno.test("bip verify - the torrent file may come second", async () => {
  await using shop = await workshop("v1");
  await Deno.mkdir(shop.path("x.torrent"));
  for (
    const [operands, expected] of [
      [[".", "t.torrent"], 0],
      [["data", "t.torrent"], 0],
      // A folder that is called so.
      [["t.torrent", "x.torrent"], 3],
      [["x.torrent", "t.torrent"], 3],
    ] as const
  ) {
    const { code, stderr } = await shop.verify(...operands);
    assertEquals(code, expected, `${operands.join(" ")}: ${stderr}`);
  }
});

Deno.test("bip verify - mistakes and their exit codes", async () => {
  await using shop = await workshop("v1");
  await Deno.writeTextFile(shop.path("bad.torrent"), "d4:infoi1ee");
  const cases: [string[], number, string][] = [
    [["t.torrent"], 2, "Missing DIR"],
    [["nosuch.torrent", "."], 6, "nosuch.torrent"],
    [["t.torrent", "nosuch"], 6, "nosuch"],
    [["t.torrent", "t.torrent"], 6, "not a folder"],
    [["bad.torrent", "."], 4, "bad.torrent is not a valid torrent"],
    [["data", "."], 6, "it is a folder"],
    [["t.torrent", ".", "--threads", "many"], 2, "--threads"],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await shop.verify(...args);
    assertEquals(code, expected, `${args.join(" ")}: ${stderr}`);
    assertStringIncludes(stderr, message);
    assertEquals(stdout, "");
  }
});

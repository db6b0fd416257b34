import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMetainfo } from "../../../metainfo/create.ts";
import { parseMetainfo } from "../../../metainfo/parse.ts";
import { bip, bipCommand } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";

/** A folder with `a.torrent`. */
async function workshop() {
  const temp = new TempDir();
  const bytes = await createMetainfo({
    inputs: [
      { path: ["d", "a"], bytes: new Uint8Array(40_000).fill(1) },
      { path: ["d", "b"], bytes: new Uint8Array(3).fill(2) },
    ],
    version: "hybrid",
    trackers: [["http://a/x", "udp://b:1"], ["http://c/"]],
    webSeeds: ["http://w/"],
    comment: "old",
    creationDate: 1,
    extra: { "x-key": ["kept"] },
  });
  await Deno.writeFile(temp.join("a.torrent"), bytes);
  return {
    temp,
    bytes,
    read: async (name: string) =>
      parseMetainfo(await Deno.readFile(temp.join(name))),
    names: async () =>
      (await Array.fromAsync(Deno.readDir(temp.path))).map(({ name }) => name)
        .sort(),
    /** With the permissions that the help names. */
    inPlace: (...args: string[]) =>
      bip(["edit", "a.torrent", ...args], {
        cwd: temp.path,
        permissions: [
          "--allow-read=a.torrent,a.torrent.new",
          "--allow-write=a.torrent,a.torrent.new",
        ],
      }),
    to: (...args: string[]) =>
      bip(["edit", "a.torrent", "-o", "b.torrent", ...args], {
        cwd: temp.path,
        permissions: [
          "--allow-read=a.torrent,b.torrent",
          "--allow-write=b.torrent",
        ],
      }),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

Deno.test("bip edit - changes around the info dictionary keep the info-hash", async () => {
  await using shop = await workshop();
  const before = parseMetainfo(shop.bytes);
  const { code, stdout, stderr } = await shop.inPlace(
    ...["--tracker", "udp://n:1,http://a/x", "--remove-tracker", "http://c/"],
    ...["--comment", "", "--web-seed", "http://v/", "--web-seed", "http://w/"],
    ...["--node", "[::1]:6881"],
  );
  assertEquals(code, 0, stderr);
  assertEquals(stderr, "");
  const hash = before.infoHashV1!.toHex();
  assertStringIncludes(stdout, `Info-hash v1  ${hash} (kept)`);
  const after = await shop.read("a.torrent");
  assertEquals(after.infoBytes, before.infoBytes);
  assertEquals(after.trackers, [["http://a/x", "udp://b:1"], ["udp://n:1"]]);
  assertEquals(after.webSeeds, ["http://w/", "http://v/"]);
  assertEquals(after.nodes, [{ hostname: "::1", port: 6881 }]);
  assertEquals(after.comment, undefined);
  assertEquals(after.creationDate, 1);
  const text = new TextDecoder().decode(
    await Deno.readFile(shop.temp.join("a.torrent")),
  );
  assertStringIncludes(text, "5:x-keyl4:kepte");
  assertEquals(await shop.names(), ["a.torrent"]);
});

Deno.test("bip edit - another info-hash is told, old and new", async () => {
  await using shop = await workshop();
  const before = parseMetainfo(shop.bytes);
  const { code, stdout, stderr } = await shop.to(
    ...["--name", "n", "--source", "S", "--private"],
  );
  assertEquals(code, 0, stderr);
  const after = await shop.read("b.torrent");
  assertEquals([after.name, after.source, after.private], ["n", "S", true]);
  assertEquals(await Deno.readFile(shop.temp.join("a.torrent")), shop.bytes);
  for (const version of ["infoHashV1", "infoHashV2"] as const) {
    const [old, now] = [before[version]!.toHex(), after[version]!.toHex()];
    assert(old !== now);
    assertStringIncludes(stdout, `${now} (was ${old})`);
  }
  assertStringIncludes(stderr, "the info-hash has changed");
  const back = await shop.to(
    ...["-f", "--json", "--public", "--tracker", "http://c/"],
  );
  assertEquals(back.code, 0, back.stderr);
  assertEquals(back.stderr, "");
  const { output, previous, ...document } = JSON.parse(back.stdout);
  assertEquals(output, "b.torrent");
  assertEquals(previous.infoHashV1, document.infoHashV1);
  assertEquals(document.trackers, before.trackers);
});

Deno.test("bip edit - every field can be taken away, and replaced at once", async () => {
  await using shop = await workshop();
  const full = await shop.inPlace(
    ...["--source", "S", "--node", "h:1", "--node", "[::1]:2", "--created-by"],
    ...["me", "--remove-web-seed", "http://w/", "--web-seed", "https://v/"],
    ...["--remove-tracker", "all", "--tracker", "https://n/,udp://n:2,"],
  );
  assertEquals(full.code, 0, full.stderr);
  const before = await shop.read("a.torrent");
  assertEquals([before.source, before.createdBy], ["S", "me"]);
  assertEquals(before.webSeeds, ["https://v/"]);
  assertEquals(before.trackers, [["https://n/", "udp://n:2"]]);
  const one = await shop.inPlace("--remove-node", "[::1]:2");
  assertEquals(one.code, 0, one.stderr);
  assertEquals((await shop.read("a.torrent")).nodes, [
    { hostname: "h", port: 1 },
  ]);
  const bare = await shop.inPlace(
    ...["--source", "", "--comment", "", "--created-by", "", "--no-date"],
    ...["--remove-node", "all", "--remove-web-seed", "all"],
    ...["--remove-tracker", "all"],
  );
  assertEquals(bare.code, 0, bare.stderr);
  assertStringIncludes(bare.stdout, `(was ${before.infoHashV1!.toHex()})`);
  const { trackers, webSeeds, nodes, ...after } = await shop.read("a.torrent");
  assertEquals([trackers, webSeeds, nodes], [[], [], []]);
  assertEquals(
    [after.source, after.comment, after.createdBy, after.creationDate],
    [undefined, undefined, undefined, undefined],
  );
});

Deno.test("bip edit -o - writes to stdout, what changes nothing is not written", async () => {
  await using shop = await workshop();
  const args = ["edit", "a.torrent", "--public"];
  const { code, stdout } = await bipCommand([...args, "-o", "-"], {
    cwd: shop.temp.path,
    permissions: ["--allow-read=a.torrent"],
  }).output();
  assertEquals(code, 0);
  assertEquals(stdout, shop.bytes);
  const same = await bip(args, {
    cwd: shop.temp.path,
    permissions: ["--allow-read=a.torrent"],
  });
  assertEquals(same.code, 0, same.stderr);
});

Deno.test("bip edit - a file: URL is edited in place, others need -o", async () => {
  await using shop = await workshop();
  const path = shop.temp.join("a.torrent");
  const edit = (...words: string[]) =>
    bip(["edit", ...words, "--comment", "new"], {
      permissions: [
        `--allow-read=${path},${path}.new`,
        `--allow-write=${path},${path}.new`,
      ],
    });
  const { code, stderr } = await edit(`file://${path}`);
  assertEquals(code, 0, stderr);
  assertEquals((await shop.read("a.torrent")).comment, "new");
  const other = await edit("http://127.0.0.1:9/a.torrent");
  assertEquals(other.code, 2);
  assertStringIncludes(other.stderr, "Missing -o OUT.torrent");
});

Deno.test("bip edit - mistakes: one line, an exit code, nothing written", async () => {
  await using shop = await workshop();
  await Deno.writeTextFile(shop.temp.join("b.torrent"), "precious");
  const cases: [string[], number, string][] = [
    [[], 2, "Nothing to change"],
    [["--private", "--public"], 2, "not both"],
    [["--name", "a/b"], 2, '"a/b"'],
    [["--tracker", "nope"], 2, "nope"],
    [["--web-seed", "nope"], 2, "nope"],
    [["--node", "host"], 2, "--node"],
    [["--remove-tracker", "http://a/"], 2, "http://a/"],
    [["--remove-node", "h:1"], 2, "no node h:1"],
    [["--remove-web-seed", "http://x/"], 2, "no web seed http://x/"],
    [["--tracker", "ftp://x/"], 2, "ftp:"],
    [["--web-seed", "magnet:?x"], 2, "magnet:"],
    [["--remove-trackers", "http://a/"], 2, "Did you mean --remove-tracker?"],
    [["--private", "x"], 2, "Unexpected operand"],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await shop.inPlace(...args);
    assertEquals(code, expected, `${args.join(" ")}: ${stderr}`);
    assertStringIncludes(stderr, message);
    assertEquals(stdout, "");
    assert(stderr.trim().split("\n").length <= 2, stderr);
  }
  const refused = await shop.to("--private");
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "it already exists");
  assertEquals(
    await Deno.readTextFile(shop.temp.join("b.torrent")),
    "precious",
  );
  assertEquals(await Deno.readFile(shop.temp.join("a.torrent")), shop.bytes);
  await Deno.writeTextFile(shop.temp.join("a.torrent"), "no torrent");
  assertEquals((await shop.inPlace("--private")).code, 4);
  await Deno.remove(shop.temp.join("a.torrent"));
  assertEquals((await shop.inPlace("--private")).code, 6);
  assertEquals(await shop.names(), ["b.torrent"]);
});

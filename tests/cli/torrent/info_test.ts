import { assertEquals, assertStringIncludes } from "@std/assert";
import { bip } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";

const TEXT = new TextEncoder();

/** A small v1 torrent with every kind of field. */
const TORRENT = "d8:announce8:http://a13:announce-listll8:http://aee" +
  "7:comment5:a\x1bb c10:created by3:mk213:creation datei86400e" +
  "4:infod6:lengthi5e4:name5:x.txt12:piece lengthi16384e6:pieces20:" +
  "a".repeat(20) + "7:privatei1e6:source1:Se" +
  "5:nodesll4:hosti1eee8:url-list9:http://w/e";

async function withTorrent(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await using temp = new TempDir();
  const folder = temp.path;
  await Deno.writeFile(`${folder}/x.torrent`, TEXT.encode(TORRENT));
  await use(folder);
}

const read = ["--allow-read=x.torrent"];

Deno.test("bip info - the JSON document of a torrent file", async () => {
  await withTorrent(async (cwd) => {
    const options = { cwd, permissions: read };
    const { code, stdout, stderr } = await bip(
      ["info", "x.torrent", "--json"],
      options,
    );
    assertEquals(code, 0, stderr);
    const document = JSON.parse(stdout);
    assertEquals(Object.keys(document), [
      "name",
      "infoHashV1",
      "infoHashV2",
      "version",
      "pieceLength",
      "pieceCount",
      "totalLength",
      "files",
      "private",
      "trackers",
      "webSeeds",
      "nodes",
      "comment",
      "createdBy",
      "creationDate",
      "source",
      "magnet",
    ]);
    const { infoHashV1, magnet, ...rest } = document;
    assertEquals(infoHashV1.length, 40);
    assertStringIncludes(magnet, `magnet:?xt=urn:btih:${infoHashV1}`);
    assertEquals(rest, {
      name: "x.txt",
      infoHashV2: null,
      version: "v1",
      pieceLength: 16384,
      pieceCount: 1,
      totalLength: 5,
      files: [{ path: "x.txt", length: 5 }],
      private: true,
      trackers: [["http://a"]],
      webSeeds: ["http://w/"],
      nodes: ["host:1"],
      comment: "a\x1bb c",
      createdBy: "mk2",
      creationDate: 86400,
      source: "S",
    });
    const shown = await bip(["info", "x.torrent"], options);
    assertEquals(shown.code, 0);
    assertStringIncludes(shown.stdout, "Comment       a\\x1bb c\n");
    assertStringIncludes(shown.stdout, "Created       1970-01-02 00:00:00 UTC");
    assertStringIncludes(shown.stdout, "1         5 B  x.txt");
    const link = await bip(["magnet", "x.torrent"], options);
    assertEquals(link.stdout, `${magnet}\n`);
  });
});

Deno.test("bip info - magnet links and info-hashes", async () => {
  const v1 = "aad050ee1bb22e196939547b134535824dabf0ce";
  const v2 = "b".repeat(64);
  const info = async (source: string) => {
    const result = await bip(["info", source, "--json"], {
      permissions: ["--allow-read"],
    });
    assertEquals(result.code, 0, result.stderr);
    return JSON.parse(result.stdout);
  };
  const magnet = await info(
    `magnet:?xt=urn:btih:${v1}&dn=a+b&xl=7&tr=http://t/`,
  );
  assertEquals(magnet.infoHashV1, v1);
  assertEquals([magnet.files, magnet.pieceLength, magnet.private], [
    null,
    null,
    null,
  ]);
  assertEquals([magnet.totalLength, magnet.trackers], [7, [["http://t/"]]]);
  assertEquals((await info(v1.toUpperCase())).infoHashV1, v1);
  const second = await info(v2);
  assertEquals([second.infoHashV1, second.infoHashV2, second.version], [
    null,
    v2,
    "v2",
  ]);
});

Deno.test("bip info - bad sources end with 4, unreadable ones with 6", async () => {
  await withTorrent(async (cwd) => {
    await Deno.writeTextFile(`${cwd}/bad.torrent`, TORRENT.slice(0, -3));
    const cases: [string, number][] = [
      ["bad.torrent", 4],
      ["magnet:?dn=x", 4],
      ["magnet:?xt=urn:btih:zz", 4],
      ["nosuch.torrent", 6],
      ["a".repeat(39), 6],
      [".", 6],
    ];
    for (const [source, expected] of cases) {
      for (const verb of ["info", "magnet"]) {
        if (verb === "magnet" && source.startsWith("magnet:")) continue;
        const { code, stdout, stderr } = await bip([verb, source], {
          cwd,
          permissions: ["--allow-read=."],
        });
        assertEquals(code, expected, `${verb} ${source}: ${stderr}`);
        assertEquals(stdout, "");
        assertEquals(stderr.trim().split("\n").length, 1, stderr);
      }
    }
  });
});

Deno.test("bip info - a file that holds a magnet link is read as one", async () => {
  await withTorrent(async (cwd) => {
    const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=a`;
    await Deno.writeTextFile(`${cwd}/x.torrent`, ` ${link}\r\n`);
    const { code, stdout, stderr } = await bip(
      ["info", "x.torrent", "--json"],
      { cwd, permissions: read },
    );
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout).magnet, link);
  });
});

Deno.test("bip info - what a magnet link says of peers and files, what is odd in a torrent", async () => {
  const hash = "ab".repeat(20);
  const link =
    `magnet:?xt=urn:btih:${hash}&x.pe=[::1]:5&x.pe=a.example:7&so=0,2-3&xl=1`;
  const shown = await bip(["info", link]);
  assertEquals(shown.code, 0, shown.stderr);
  for (
    const line of [
      "Size          1 B (1 byte)",
      "Peer          [::1]:5",
      "Peer          a.example:7",
      "Only files    1, 3-4",
    ]
  ) assertStringIncludes(shown.stdout, `${line}\n`);
  const { stdout } = await bip(["info", link, "--json"]);
  const document = JSON.parse(stdout);
  assertEquals(document.peers, ["[::1]:5", "a.example:7"]);
  assertEquals(document.selectOnly, [0, 2, 3]);
  await withTorrent(async (cwd) => {
    const odd = TORRENT.replace("7:comment5:a\x1bb c", "7:commenti5e");
    await Deno.writeFile(`${cwd}/x.torrent`, TEXT.encode(`${odd} `));
    const { code, stderr } = await bip(["info", "x.torrent"], {
      cwd,
      permissions: read,
    });
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stderr,
      "canonical bencode: trailing-bytes at byte 254\n",
    );
    assertStringIncludes(stderr, "have the wrong type: comment\n");
  });
});

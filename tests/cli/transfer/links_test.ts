import { assertEquals } from "@std/assert";
import { encodeBencode } from "../../../bencode/mod.ts";
import { placeLinks } from "../../../cli/transfer/links.ts";
import { type Metainfo, parseMetainfo } from "../../../metainfo/mod.ts";
import { TempDir } from "../../support/paths.ts";

/** A torrent of one file of 3 bytes in two places, and links. */
function torrentWith(links: Record<string, string[]>): Metainfo {
  const text = (value: string) => new TextEncoder().encode(value);
  const entry = (path: string[], length: number, symlink?: string[]) =>
    new Map<string, unknown>([
      ["length", length],
      ["path", path.map(text)],
      ...(symlink === undefined ? [] : [
        ["attr", text("l")],
        ["symlink path", symlink.map(text)],
      ] as [string, unknown][]),
    ]);
  const files = [entry(["real"], 3), entry(["sub", "deep", "other"], 3)];
  for (const [path, target] of Object.entries(links)) {
    files.push(entry(path.split("/"), 0, target));
  }
  const info = new Map<string, unknown>([
    ["files", files],
    ["name", text("t")],
    ["piece length", 16384],
    ["pieces", new Uint8Array(20)],
  ]);
  return parseMetainfo(
    encodeBencode(new Map([["info", info]]) as never),
  );
}

/** Puts the files where a download leaves them. */
async function lay(folder: string, metainfo: Metainfo): Promise<void> {
  for (const { path, length } of metainfo.files) {
    const file = [folder, metainfo.name, ...path].join("/");
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(file, new Uint8Array(length));
  }
}

const unix = { ignore: Deno.build.os === "windows" };

Deno.test("placeLinks() makes relative links, once", unix, async () => {
  await using temp = new TempDir();
  const metainfo = torrentWith({
    "a": ["real"],
    "sub/b": ["real"],
    "sub/deep/c": ["sub", "deep", "other"],
    "d": ["sub", "deep", "other"],
    "chain": ["a"],
  });
  await lay(temp.path, metainfo);
  for (let round = 0; round < 2; round++) {
    assertEquals(await placeLinks(temp.path, metainfo), {
      left: 0,
      reason: undefined,
    });
    for (
      const [path, target] of [
        ["a", "real"],
        ["sub/b", "../real"],
        ["sub/deep/c", "other"],
        ["d", "sub/deep/other"],
        ["chain", "real"],
      ]
    ) assertEquals(await Deno.readLink(temp.join(`t/${path}`)), target);
  }
});

Deno.test(
  "placeLinks() makes none that leads out, loops or dangles",
  unix,
  async () => {
    await using temp = new TempDir();
    const out = temp.join("out");
    await Deno.mkdir(out);
    await Deno.writeTextFile(`${out}/secret`, "x");
    const metainfo = torrentWith({
      "up": ["..", "out", "secret"],
      "far": ["..", "..", "..", "..", "etc", "passwd"],
      "absolute": ["/etc/passwd"],
      "root": ["", "etc", "passwd"],
      "one": ["two"],
      "two": ["one"],
      "self": ["self"],
      "nowhere": ["gone"],
      "folder": ["sub"],
    });
    await lay(temp.path, metainfo);
    await placeLinks(temp.path, metainfo);
    for (const { path } of metainfo.files) {
      const info = await Deno.lstat([temp.path, "t", ...path].join("/"));
      assertEquals(
        [info.isFile, info.isSymlink],
        [true, false],
        path.join("/"),
      );
    }
  },
);

Deno.test(
  "placeLinks() trusts nothing that is on disk already",
  unix,
  async () => {
    await using temp = new TempDir();
    const out = temp.join("out");
    await Deno.mkdir(out);
    await Deno.writeTextFile(`${out}/other`, "");
    const metainfo = torrentWith({
      "kept": ["real"],
      "toLink": ["sub", "deep", "other"],
      "sub/deep/inside": ["real"],
      "missing": ["real"],
    });
    await lay(temp.path, metainfo);
    // A folder on the way is a link out of the torrent; what is not empty is
    // somebody's; what is not there was not asked for.
    await Deno.remove(temp.join("t/sub/deep"), { recursive: true });
    await Deno.symlink(out, temp.join("t/sub/deep"));
    await Deno.writeTextFile(`${out}/inside`, "");
    await Deno.writeTextFile(temp.join("t/kept"), "precious");
    await Deno.remove(temp.join("t/missing"));
    assertEquals(await placeLinks(temp.path, metainfo), {
      left: 2,
      reason: undefined,
    });
    assertEquals(await Deno.readTextFile(temp.join("t/kept")), "precious");
    assertEquals((await Deno.lstat(temp.join("t/toLink"))).isFile, true);
    assertEquals((await Deno.lstat(`${out}/inside`)).isFile, true);
    assertEquals([...Deno.readDirSync(out)].length, 2);
  },
);

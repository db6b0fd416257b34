import { assertEquals } from "@std/assert";
import {
  incompletePlace,
  isIncompleteSuffix,
} from "../../client/incomplete_place.ts";
import { parseMagnet } from "../../metainfo/parse_magnet.ts";
import { createTorrent, parseMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";

Deno.test("a torrent begins apart unless its name lies in its own folder", async () => {
  await using temp = new TempDir();
  const { path } = temp;
  await Deno.writeTextFile(`${path}/a`, "content");
  const { bytes } = await createTorrent({ inputs: [{ path: `${path}/a` }] });
  const metainfo = parseMetainfo(bytes);
  assertEquals(await incompletePlace(metainfo, path, "apart"), { dir: path });
  await Deno.remove(`${path}/a`);
  const apart = { dir: "apart", completeDir: path };
  assertEquals(await incompletePlace(metainfo, path, "apart"), apart);
  const link = parseMagnet(`magnet:?xt=urn:btih:${"0".repeat(40)}&dn=a`);
  await Deno.writeTextFile(`${path}/a`, "content");
  assertEquals(await incompletePlace(link, path, "apart"), apart);
});

Deno.test("a suffix is what names may end with on every system", {
  permissions: "none",
}, () => {
  for (const text of ["", ".part", "~", ".!qB", "ü", "x".repeat(32)]) {
    assertEquals(isIncompleteSuffix(text), true, text);
  }
  for (
    const text of ["/", "a/b", ".", "a.", " ", "a:b", "\n", "x".repeat(33)]
  ) {
    assertEquals(isIncompleteSuffix(text), false, text);
  }
});

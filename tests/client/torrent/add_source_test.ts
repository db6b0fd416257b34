/** What a torrent is added by. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  hashesOf,
  obeyLink,
  sourceOf,
} from "../../../client/torrent/add_source.ts";
import { MagnetError } from "../../../metainfo/magnet.ts";
import { parseMagnet } from "../../../metainfo/parse_magnet.ts";
import { toHex } from "../../../_shared/bytes.ts";
import { simTorrent } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;
const V1 = "0123456789abcdef0123456789abcdef01234567";
const V2 = `${V1}89abcdef0123456789abcdef`;

Deno.test("sourceOf reads hashes of either version, and links", pure, () => {
  for (
    const [text, hashes] of [
      [V1, [V1]],
      [V1.toUpperCase(), [V1]],
      [` ${V1}\n`, [V1]],
      [V2, [V1]],
      [`magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}`, [V1, V1]],
    ] as const
  ) assertEquals(hashesOf(sourceOf(text)), [...hashes], text);
  for (const text of ["", V1.slice(1), `${V1}0`, V2.slice(1), `${V2}0`]) {
    assertThrows(() => sourceOf(text), SyntaxError, undefined, text);
  }
});

Deno.test("sourceOf says what can be added instead", pure, () => {
  for (const text of ["https://a.example/b?key=secret", "a.torrent", ""]) {
    const error = assertThrows(
      () => sourceOf(text),
      MagnetError,
      "pass the bytes of the torrent file",
    );
    assertEquals(error.code, "not-a-magnet");
    assert(!error.message.includes("secret"));
  }
  for (const odd of [null, 5, {}, new URL("https://a.example/b"), [1]]) {
    assertThrows(
      () => sourceOf(odd as unknown as string),
      TypeError,
      "bytes of a torrent file",
    );
  }
});

Deno.test("sourceOf takes bytes, and what was read already", pure, async () => {
  const { metainfo, bytes } = await simTorrent([["a", 1]]);
  assertEquals(toHex(sourceOf(bytes).infoHash), toHex(metainfo.infoHash));
  assertEquals(sourceOf(metainfo), metainfo);
});

Deno.test(
  "obeyLink chooses the files of a link, if there are any",
  pure,
  async () => {
    const { metainfo } = await simTorrent([["a", 1], ["b", 1], ["c", 1]]);
    const chosen = (so: string, options = {}) => {
      const link = parseMagnet(`magnet:?xt=urn:btih:${V1}&so=${so}`);
      return obeyLink(options, link).chooseFiles?.(metainfo);
    };
    assertEquals(chosen("0,2"), [0, 2]);
    assertEquals(chosen("2-9"), [2]);
    assertEquals(chosen("3"), undefined);
    assertEquals(chosen("0", { files: [1] }), undefined);
    assertEquals(chosen("0", { chooseFiles: () => [1] }), [1]);
    assertEquals(obeyLink({}, metainfo), {});
  },
);

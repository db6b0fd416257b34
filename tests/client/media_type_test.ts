/** Kinds of files by their names. */
import { assertEquals } from "@std/assert";
import { isPlayable, mediaType } from "../../client/media_type.ts";

const pure = { permissions: "none" } as const;

Deno.test("mediaType goes by the last extension", pure, () => {
  assertEquals(mediaType("a.txt.MP4"), "video/mp4");
  assertEquals(mediaType(".webm"), "video/webm");
  assertEquals(mediaType("a.srt"), "text/plain; charset=utf-8");
  assertEquals(isPlayable("a.flac"), true);
  assertEquals(isPlayable("a.jpg"), false);
});

Deno.test("mediaType: what could run is only bytes", pure, () => {
  for (
    const name of [
      "a.html",
      "a.svg",
      "a.xhtml",
      "a.js",
      "a.xml",
      "a",
      "a.",
      "a.constructor",
      "a.__proto__",
    ]
  ) assertEquals(mediaType(name), "application/octet-stream", name);
});

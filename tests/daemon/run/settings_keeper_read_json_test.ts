import { assertEquals } from "@std/assert";
import { readJson } from "../../../daemon/run/settings_keeper.ts";

Deno.test("readJson() takes what is no object for none", {
  permissions: "none",
}, () => {
  assertEquals(readJson('{"a":1}'), { a: 1 });
  for (const text of [undefined, null, "", "{", "null", "5", '"a"']) {
    assertEquals(readJson(text), {}, `${text}`);
  }
});

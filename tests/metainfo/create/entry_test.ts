import { assertEquals, assertThrows } from "@std/assert";
import { CreateError } from "../../../metainfo/create_error.ts";
import {
  attemptSync,
  diskPathOf,
  displayPath,
  entryPath,
  keyText,
  pathKey,
} from "../../../metainfo/create/entry.ts";

const pure = { permissions: "none" } as const;

Deno.test("pathKey() takes plain names only, as bytes", pure, () => {
  for (
    const [name, key] of [["a b", "a b"], ["\u00e9", "\xc3\xa9"], [
      "..a",
      "..a",
    ]]
  ) {
    assertEquals(pathKey(name!, "p"), key);
    assertEquals(keyText(key!), name);
  }
  for (const name of ["", ".", "..", "a/b", "a\0", "\ud800"]) {
    const { code, path } = assertThrows(() => pathKey(name, "p"), CreateError);
    assertEquals([code, path], ["bad-path", "p"]);
  }
});

Deno.test("diskPathOf() and entryPath() join folder and name", pure, () => {
  const folder = { key: ["d", "\xc3\xa9"], path: "/x/d/" };
  const entry = {
    folder,
    name: "\xc3\xa9",
    length: 1,
    executable: false,
    mtime: undefined,
    content: undefined,
  };
  assertEquals(diskPathOf(entry), "/x/d/\u00e9");
  assertEquals(displayPath(entryPath(entry)), "d/\u00e9/\u00e9");
  const content = { type: "bytes", bytes: new Uint8Array() } as const;
  assertEquals(diskPathOf({ ...entry, content }), undefined);
  assertEquals(entryPath({ folder, name: "" }), folder.key);
});

Deno.test("attemptSync() names the path of what is not there", pure, () => {
  const { code, path } = assertThrows(
    () =>
      attemptSync("p", () => {
        throw new Deno.errors.NotFound("gone");
      }),
    CreateError,
  );
  assertEquals([code, path], ["not-found", "p"]);
});

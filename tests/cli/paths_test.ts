import { assertEquals } from "@std/assert";
import { folderOf, joinPath, namedPath, nameOf } from "../../cli/paths.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "folderOf() and nameOf() take a path apart, joinPath() makes one",
  pure,
  () => {
    for (
      const [path, folder, name] of [
        ["a", ".", "a"],
        ["a/b", "a/", "b"],
        ["/a", "/", "a"],
        ["./a b/c.d", "./a b/", "c.d"],
      ] as const
    ) {
      assertEquals([folderOf(path), nameOf(path)], [folder, name]);
      assertEquals(nameOf(`${path}//`), name);
    }
    assertEquals(nameOf("/"), "");
    const slash = Deno.build.os === "windows" ? "\\" : "/";
    assertEquals(joinPath("a", ["b", "c"]), ["a", "b", "c"].join(slash));
    assertEquals(joinPath("/", ["b"]), "/b");
  },
);

Deno.test({
  name: "a backslash is part of a name where it is no separator",
  ignore: Deno.build.os === "windows",
  permissions: "none",
  fn() {
    assertEquals(nameOf("a/b\\c"), "b\\c");
    assertEquals(folderOf("b\\c"), ".");
  },
});

Deno.test("namedPath() looks up only what has no name of its own", async () => {
  const here = await Deno.realPath(".");
  for (const dots of [".", "./", "cli/..", "cli/../"]) {
    assertEquals(await namedPath(dots), here);
  }
  assertEquals(await namedPath("cli//"), "cli");
  assertEquals(await namedPath("none/a..b"), "none/a..b");
});

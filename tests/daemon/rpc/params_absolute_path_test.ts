import { assertEquals } from "@std/assert";
import { isAbsolutePath } from "../../../daemon/rpc/params.ts";

Deno.test("isAbsolutePath() of every system", { permissions: "none" }, () => {
  for (const path of ["/", "/a", "C:/a", "c:\\a", "\\\\host\\a"]) {
    assertEquals(isAbsolutePath(path), true, path);
  }
  for (const path of ["", "a", "./a", "~/a", "C:a", "\\a", "CC:/a", "a/b"]) {
    assertEquals(isAbsolutePath(path), false, path);
  }
});

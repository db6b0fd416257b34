import { assertEquals } from "@std/assert";
import { GrantBook } from "../../../client/limits/host_book.ts";

const none = { permissions: "none" } as const;

Deno.test("GrantBook grants to a host once in half an hour", none, () => {
  const book = new GrantBook();
  const half = 30 * 60_000;
  assertEquals(book.take("20.1.1.1", 0), true);
  assertEquals(book.take("20.1.1.1", half - 1), false);
  assertEquals(book.take("20.1.1.2", half - 1), true);
  assertEquals(book.take("20.1.1.1", half), true);
});

Deno.test("GrantBook remembers so many hosts", none, () => {
  const book = new GrantBook();
  for (let i = 0; i < 501; i++) book.take(`20.1.${i >> 8}.${i & 255}`, 0);
  assertEquals(book.take("20.1.0.1", 0), false);
  assertEquals(book.take("20.1.0.0", 0), true);
});

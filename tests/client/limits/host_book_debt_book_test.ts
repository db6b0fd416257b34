import { assertEquals } from "@std/assert";
import { DebtBook } from "../../../client/limits/host_book.ts";
import { BUDGET_PATIENCE, PATIENCE_RATE } from "../../../peer/limits.ts";

const none = { permissions: "none" } as const;

Deno.test("DebtBook remembers what a host owes, until it is paid", none, () => {
  const book = new DebtBook();
  book.note("20.1.1.1", 500, 0); // as honest ones do
  assertEquals(book.of("20.1.1.1", 0), 0);
  book.note("20.1.1.1", 10_000, 0);
  assertEquals(book.of("20.1.1.1", 0), 10_000);
  assertEquals(book.of("20.1.1.1", 8_000), 10_000 - 8 * PATIENCE_RATE);
  assertEquals(book.of("20.1.1.1", 60_000), 0);
  assertEquals(book.of("20.1.1.2", 0), 0);
  // Another connection of the host owed less.
  book.note("20.1.1.1", 700, 0);
  assertEquals(book.of("20.1.1.1", 0), 10_000);
});

Deno.test("DebtBook closes the door to those who owe most", none, () => {
  const book = new DebtBook();
  book.note("2001:db8:1:1::1", BUDGET_PATIENCE + 1_000, 0);
  assertEquals(book.isClosedTo("2001:db8:1:1::1", 4_000), true);
  // All of a /64 are one host.
  assertEquals(book.isClosedTo("2001:db8:1:1::2", 4_000), true);
  assertEquals(book.isClosedTo("2001:db8:1:2::1", 4_000), false);
  assertEquals(book.isClosedTo("2001:db8:1:1::1", 4_001), false);
});

Deno.test("DebtBook remembers so many hosts", none, () => {
  const book = new DebtBook();
  for (let i = 0; i < 1025; i++) {
    book.note(`20.1.${i >> 8}.${i & 255}`, 5000, 0);
  }
  assertEquals(book.of("20.1.0.0", 0), 0);
  assertEquals(book.of("20.1.0.1", 0), 5000);
});

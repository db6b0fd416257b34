import { assert, assertEquals } from "@std/assert";
import { rangesOf, safeJson, safeText } from "../../cli/text.ts";

const HOSTILE = [
  "\x1b[2J\x1b[31mred",
  "\x1b]0;title\x07",
  "a\r\nb\tc\0",
  "\x9b31m",
  "\u202egnp.exe",
  "\u2066x\u2069",
  "zero\u200bwidth\ufeff",
  "line\u2028sep",
  "\ud800lone",
  "tag\u{e0041}",
  "soft\u00adhyphen",
  "private\ue000",
];

Deno.test({
  name: "safeText - nothing is left that a terminal obeys or hides",
  permissions: "none",
  fn() {
    for (const text of HOSTILE) {
      const safe = safeText(text);
      assert(safe !== text, JSON.stringify(text));
      assert(
        !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/u.test(safe),
        JSON.stringify(safe),
      );
    }
    assertEquals(safeText("\x1b[2J"), "\\x1b[2J");
    assertEquals(safeText("\u202ex"), "\\u{202e}x");
    for (const text of ["plain", "naïve 天地 🦕", "a/b (1).iso", "e\u0301"]) {
      assertEquals(safeText(text), text);
    }
  },
});

Deno.test({
  name: "safeJson - the same value, without characters that do harm",
  permissions: "none",
  fn() {
    for (const text of HOSTILE) {
      const json = safeJson({ name: text });
      assertEquals(JSON.parse(json), { name: text });
      assert(
        !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/u.test(json),
        JSON.stringify(json),
      );
    }
    assertEquals(safeJson({ a: "é" }), '{"a":"é"}');
    assertEquals(safeJson([1], 2), "[\n  1\n]");
  },
});

Deno.test({
  name: "rangesOf - joins neighbours, cuts long lists",
  permissions: "none",
  fn() {
    assertEquals(rangesOf([]), "");
    assertEquals(rangesOf([1]), "1");
    assertEquals(rangesOf([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
    const many = Array.from({ length: 30 }, (_, i) => 2 * i);
    assertEquals(rangesOf(many.slice(0, 20)).split(", ").length, 20);
    assertEquals(rangesOf(many).split(", ").slice(19), ["38", "..."]);
  },
});

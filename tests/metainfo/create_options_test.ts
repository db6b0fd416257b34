import { assertEquals } from "@std/assert";
import {
  MAX_CREATE_PIECE_LENGTH,
  suggestPieceLength,
} from "../../metainfo/create_options.ts";
import { checkPieceLength } from "../../metainfo/create_check.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

Deno.test({
  name: "suggestPieceLength() keeps the number of pieces at 2048 or less",
  permissions: "none",
  fn() {
    const table: [number, number][] = [
      [1, 16 * KIB],
      [32 * MIB, 16 * KIB],
      [32 * MIB + 1, 32 * KIB],
      [GIB, 512 * KIB],
      [4 * GIB, 2 * MIB],
      [32 * GIB, 16 * MIB],
      [2 ** 50, 16 * MIB],
    ];
    for (const [total, expected] of table) {
      assertEquals(suggestPieceLength(total), expected, String(total));
      checkPieceLength(suggestPieceLength(total), "hybrid");
    }
    assertEquals(MAX_CREATE_PIECE_LENGTH, 256 * MIB);
  },
});

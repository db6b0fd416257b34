import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { sha1 } from "../../_shared/sha1.ts";

const SEED = 3174;

Deno.test({
  name: "sha1() - vectors of RFC 3174",
  permissions: "none",
  fn() {
    const of = (text: string) => toHex(sha1(encodeText(text)));
    assertEquals(of(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assertEquals(of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assertEquals(
      of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    );
    assertEquals(
      of("a".repeat(1_000_000)),
      "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
    );
  },
});

Deno.test({
  name: "sha1() agrees with the native one for every length up to 200 bytes",
  permissions: "none",
  fn() {
    const random = seededRandom(SEED);
    for (let length = 0; length <= 200; length++) {
      const bytes = random(new Uint8Array(length + 3)).subarray(3);
      assertEquals(
        toHex(sha1(bytes)),
        createHash("sha1").update(bytes).digest("hex"),
        `seed ${SEED}, ${length} bytes`,
      );
    }
  },
});

import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { RotatingHash } from "../../_shared/rotating_hash.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "a key is the newest one, then the one before, then gone",
  none,
  () => {
    const hash = new RotatingHash(seededRandom(1), 1000, 500);
    const first = hash.current;
    hash.rotate(1499);
    assert(hash.current === first);
    hash.rotate(1500);
    assert(hash.previous === first && hash.current !== first);
    hash.rotate(2499);
    assert(hash.previous === first);
    hash.rotate(2500);
    assert(hash.previous !== first);
  },
);

Deno.test(
  "after a long pause both keys are new, and turn in step",
  none,
  () => {
    const hash = new RotatingHash(seededRandom(1), 1000, 0);
    const { current, previous } = hash;
    hash.rotate(5700);
    const next = hash.current;
    for (const old of [current, previous]) {
      assertEquals([next, hash.previous].includes(old), false);
    }
    hash.rotate(5999);
    assert(hash.current === next);
    hash.rotate(6000);
    assert(hash.previous === next);
  },
);

import { assertEquals } from "@std/assert";
import {
  hashProofLength,
  isHashRange,
} from "../../../peer/session/session_hashes.ts";

const pure = { permissions: "none" } as const;
const range = {
  piecesRoot: new Uint8Array(32),
  baseLayer: 0,
  index: 0,
  length: 2,
  proofLayers: 0,
};

Deno.test(
  "isHashRange takes runs of a power of two at a multiple of it",
  pure,
  () => {
    for (
      const [change, expected] of [
        [{}, true],
        [{ length: 512 }, true],
        [{ length: 1 }, false],
        [{ length: 1024 }, false],
        [{ length: 6 }, false],
        [{ length: 4, index: 2 }, false],
        [{ length: 4, index: 8 }, true],
        [{ index: 2 ** 32 - 2 }, true],
        [{ index: 2 ** 32 }, false],
        [{ baseLayer: 31 }, true],
        [{ baseLayer: 32 }, false],
        [{ proofLayers: 32 }, true],
        [{ proofLayers: 33 }, false],
        [{ piecesRoot: new Uint8Array(31) }, false],
      ] as const
    ) {
      const isRange = isHashRange({ ...range, ...change });
      assertEquals(isRange, expected, JSON.stringify(change));
    }
  },
);

Deno.test(
  "hashProofLength leaves out the layers of the run itself",
  pure,
  () => {
    const lengths = [[2, 0], [2, 1], [4, 1], [4, 2], [512, 8], [512, 12]].map(
      ([length, proofLayers]) =>
        hashProofLength({
          ...range,
          length: length!,
          proofLayers: proofLayers!,
        }),
    );
    assertEquals(lengths, [0, 1, 0, 1, 0, 4]);
  },
);

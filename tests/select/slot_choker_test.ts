import { assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import type { ChokerPeer } from "../../select/choker.ts";
import { SlotChoker } from "../../select/slot_choker.ts";

Deno.test("SlotChoker says how long a peer has, or lacks, its slot", {
  permissions: "none",
}, () => {
  const turns: unknown[] = [];
  const choker = new SlotChoker(
    "mine",
    { random: seededRandom(1), slots: 1, optimisticSlots: 0 },
    {
      isEligible: () => true,
      score(_, turn) {
        turns.push(turn);
        return 1;
      },
    },
  );
  const peer = (uploaded: number): ChokerPeer => ({
    key: 1,
    interested: true,
    snubbed: false,
    downloadRate: 0,
    uploadRate: 0,
    uploaded,
    connectedAt: 1_000,
    progress: 0,
  });
  choker.tick(5_000, [peer(100)]);
  choker.tick(7_000, [peer(400)]);
  choker.tick(8_000, [peer(900)]);
  assertEquals(turns, [
    { unchoked: false, ms: 4_000, uploaded: 0, fastest: 0 },
    { unchoked: true, ms: 2_000, uploaded: 300, fastest: 0 },
    { unchoked: true, ms: 3_000, uploaded: 800, fastest: 0 },
  ]);
});

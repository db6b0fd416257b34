import { assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { DhtPeers } from "../../client/dht_peers.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

Deno.test("DhtPeers looks again: soon after nothing, later after success", {
  permissions: "none",
}, async () => {
  const clock = new FakeClock();
  const lookups: number[] = [];
  let isSeed = false;
  const infoHash = new Uint8Array(20);
  const peers = new DhtPeers({
    async *getPeers(_hash, options): AsyncGenerator<PeerCandidate> {
      assertEquals(options.announcePort, 6881);
      // A seed says so, and wants no others (BEP 33).
      assertEquals([options.seed, options.noSeed], [isSeed, isSeed]);
      lookups.push(clock.now());
      await Promise.resolve();
      if (lookups.length === 3) {
        yield { infoHash, address: { hostname: "1.2.3.4", port: 5 } };
      }
    },
  }, clock);
  const controller = new AbortController();
  const found: PeerCandidate[] = [];
  const search = (async () => {
    for await (
      const candidate of peers.discover(
        { infoHash, port: 6881, isSeed: () => isSeed },
        controller.signal,
      )
    ) found.push(candidate);
  })().catch(() => {});
  await clock.advance(15 * 60_000);
  isSeed = true;
  await clock.advance(5 * 60_000);
  assertEquals(lookups, [0, 10_000, 30_000, 930_000]);
  assertEquals(found.length, 1);
  controller.abort();
  await settle();
  await search;
  assertEquals(clock.pending, 0);
});

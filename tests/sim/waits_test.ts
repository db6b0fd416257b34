/** That nothing is waited for without a deadline is noticed where it is not so. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Clock } from "../../_shared/clock.ts";
import { formatMagnet, magnetOf } from "../../metainfo/mod.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { simTorrent, SwarmWorld } from "../../testing/mod.ts";
import { WirePeer } from "../support/wire_peer.ts";
import { LONGEST_WAITS, WaitAudit } from "../../testing/audit/wait_audit.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "the audit of waits: each has its time, and no more",
  none,
  async () => {
    const clock = new SimClock();
    const audit = new WaitAudit(clock);
    const over = Promise.withResolvers<void>();
    void audit.of("dial", over.promise);
    audit.goesOn(audit, "turn", true);
    await clock.advance(LONGEST_WAITS.turn);
    assertEquals(audit.overdue(), []);
    audit.goesOn(audit, "turn", true);
    await clock.advance(1);
    assertMatch(audit.overdue().join(), /^turn /);
    audit.goesOn(audit, "turn", false);
    await clock.advance(LONGEST_WAITS.dial);
    assertMatch(audit.overdue().join(), /^dial /);
    over.resolve();
    await clock.advance(1);
    assertEquals(audit.overdue(), []);
  },
);

/** What a session waits for in which nobody looks at the clock. */
async function waitOf(
  begin: (world: SwarmWorld, clock: Clock) => Promise<void>,
): Promise<string> {
  const world = new SwarmWorld();
  const { clock } = world;
  await begin(world, { now: () => clock.now(), schedule: () => () => {} });
  // A look at all that is waited for needs time to go by.
  for (let at = 0; at < 200_000; at += 1000) {
    clock.schedule(at, () => {});
  }
  try {
    await clock.advance(200_000);
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing";
}

Deno.test(
  "a session without deadlines: its waits are noticed",
  none,
  async () => {
    const torrent = await simTorrent([["a.bin", 20_000]], {
      trackers: [["http://10.0.0.1/announce"]],
    });
    const silent = { announce: () => new Promise<never>(() => {}) };
    const address = { hostname: "93.0.0.1", port: 2000 };
    assertMatch(
      await waitOf(async (world, clock) => {
        world.network.blackhole(address);
        const host = await world.host({ clock, trackers: false });
        host.add(torrent, { peers: [address] });
      }),
      /"dial 93.0.0.1:/,
    );
    assertMatch(
      await waitOf(async (world, clock) => {
        const host = await world.host({ clock, httpTracker: silent });
        host.add(torrent);
      }),
      /"announce http/,
    );
    assertMatch(
      await waitOf(async (world, clock) => {
        const host = await world.host({ clock, trackers: false });
        host.add(torrent);
        await world.run(
          world.network.transport("93.0.0.2").connect(host.address),
        );
      }),
      /"handshake 93.0.0.2:/,
    );
  },
);

Deno.test(
  "a peer that offers a link's metadata and says no more",
  none,
  async () => {
    const torrent = await simTorrent([["a.bin", 20_000]]);
    await using world = new SwarmWorld();
    const silent = await WirePeer.listen(world, {
      infoHash: torrent.metainfo.infoHash,
      extension: "d1:md11:ut_metadatai3ee13:metadata_sizei20000ee",
    });
    const host = await world.host();
    host.addMagnet(formatMagnet(magnetOf(torrent.metainfo)), torrent, {
      peers: [silent.address],
    });
    // The audit looks at every second of it.
    for (let seconds = 0; seconds < 155; seconds++) {
      await world.clock.advance(1000);
    }
    const [first] = silent.peers;
    const requests = first!.of(20).filter(([, id]) => id === 3);
    assert(requests.length > 4, `${requests.length} requests`);
    assertEquals(first!.ended, true);
    silent.close();
  },
);

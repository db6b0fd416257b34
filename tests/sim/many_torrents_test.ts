/** Many torrents in one session share its dials, and none is forgotten. */
import { assert, assertEquals } from "@std/assert";
import { toHex } from "../../_shared/bytes.ts";
import type { Endpoint } from "../../_shared/address.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { TrackerClient } from "../../client/types.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  assertFiles,
  filled,
  type SimHost,
  type SimTorrent,
  simTorrent,
  SwarmWorld,
} from "../../testing/mod.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "300 torrents with 40 dead candidates each all go on",
  none,
  async () => {
    const torrents = 300;
    const candidates = 40;
    await using world = new SwarmWorld();
    /** Dials by torrent, which the address names. */
    const dials = new Array<number>(torrents).fill(0);
    const host = await world.host({
      refuses: ({ port, hostname }) => {
        dials[port - 2000]!++;
        // Some refuse, some never answer.
        return Number(hostname.split(".")[2]) % 4 > 0;
      },
    });
    const list: Torrent[] = [];
    for (let i = 0; i < torrents; i++) {
      const torrent = await simTorrent([["a.bin", 20_000]], { seed: i + 1 });
      const peers: Endpoint[] = [];
      for (let k = 0; k < candidates; k++) {
        const address = {
          hostname: `93.${i >> 8}.${k}.${i & 255}`,
          port: 2000 + i,
        };
        world.network.blackhole(address);
        peers.push(address);
      }
      list.push(host.add(torrent, { peers, paused: true }));
    }
    await world.clock.advance(5000);
    assertEquals(dials.reduce((a, b) => a + b), 0);
    for (const torrent of list) void torrent.resume();
    // The first of all may have the burst.
    await world.clock.advance(1000);
    const burst = [...dials];
    for (let second = 0; second < 240; second++) {
      await world.clock.advance(1000);
      // Nobody waits for a second turn while another waits for its first.
      const turns = dials.map((count, torrent) => count - burst[torrent]!);
      const [least, most] = [Math.min(...turns), Math.max(...turns)];
      assert(most - least <= 1, `${least} to ${most} dials after ${second} s`);
    }
    assert(Math.min(...dials) >= 5, `${Math.min(...dials)}`);
    const before = [...dials];
    await world.clock.advance(900_000);
    for (const [i, count] of dials.entries()) {
      assert(count > before[i]! + 5, `torrent ${i} dials no more`);
    }
  },
);

Deno.test("torrents without candidates wait for nothing", none, async () => {
  await using world = new SwarmWorld();
  const host = await world.host();
  for (let i = 0; i < 50; i++) {
    const torrent = await simTorrent([["a.bin", 20_000]], { seed: i + 1 });
    host.add(torrent, { seedMode: true, fileSystem: filled(torrent) });
  }
  await world.clock.advance(60_000);
  assertEquals(host.session.stats().handshakes.queued, 0);
  // The session's own tick.
  assertEquals(world.clock.pending, 1);
});

Deno.test(
  "torrents of one disk are checked one by one, all of them",
  none,
  async () => {
    await using world = new SwarmWorld();
    const host = await world.host();
    const list: Torrent[] = [];
    for (let i = 0; i < 50; i++) {
      const torrent = await simTorrent([[`${i}/a.bin`, 70_000]], {
        seed: i + 1,
      });
      filled(torrent, host.files);
      list.push(host.add(torrent, { fileSystem: host.files }));
    }
    void list[10]!.pause();
    await world.until(
      () => list.every((one) => one.isPaused || one.state === "seeding"),
      5000,
    );
    assertEquals(await world.run(list[10]!.resume()), true);
    await world.run(list[10]!.completed);
  },
);

/** A tracker for all sessions of a world, as HTTP trackers go. */
class Tracker {
  readonly #peers = new Map<string, Map<string, Endpoint>>();

  clientOf(hostname: string): TrackerClient {
    return {
      announce: (_url, { infoHash, port, event }) => {
        const key = toHex(infoHash);
        const swarm = this.#peers.get(key) ?? new Map<string, Endpoint>();
        this.#peers.set(key, swarm);
        if (event === "stopped") swarm.delete(hostname);
        else swarm.set(hostname, { hostname, port });
        const intervalMs = 1_800_000;
        return Promise.resolve({ intervalMs, peers: [...swarm.values()] });
      },
    };
  }
}

Deno.test(
  "many torrents in many sessions: all are completed",
  none,
  async () => {
    const sessions = 60;
    const torrents = 300;
    await using world = new SwarmWorld({ seed: 7 });
    const tracker = new Tracker();
    const hosts: SimHost[] = [];
    for (let i = 0; i < sessions; i++) {
      const hostname = world.ip();
      hosts.push(
        await world.host({
          files: new MemoryFileSystem(),
          httpTracker: tracker.clientOf(hostname),
          hostname,
          maxPeers: 60,
        }),
      );
    }
    const files = new Map<Torrent, [SimTorrent, MemoryFileSystem]>();
    for (let i = 0; i < torrents; i++) {
      const torrent = await simTorrent([["a.bin", 70_000]], {
        seed: i + 1,
        trackers: [["http://10.0.0.1/announce"]],
      });
      // One has it, three want it.
      for (let k = 0; k < 4; k++) {
        const host = hosts[(i + k * (1 + i % 5)) % sessions]!;
        const fileSystem = k === 0 ? filled(torrent) : new MemoryFileSystem();
        const one = host.add(torrent, { fileSystem, readOnly: k === 0 });
        files.set(one, [torrent, fileSystem]);
      }
    }
    await world.until(
      () => [...files.keys()].every(({ state }) => state === "seeding"),
      1_200_000,
      () =>
        JSON.stringify(
          [...files.keys()].filter(({ state }) => state !== "seeding")
            .map((torrent) => torrent.stats()).slice(0, 3),
        ),
    );
    for (const [torrent, fileSystem] of files.values()) {
      assertFiles(torrent, fileSystem);
    }
    world.assertWire();
  },
);

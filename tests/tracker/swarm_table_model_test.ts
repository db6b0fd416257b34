/** Swarms that grow past what is looked through, and shrink again. */
import { assert, assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { newSwarmAnnounce } from "../../tracker/swarm_store.ts";
import { SwarmTable } from "../../tracker/swarm_table.ts";

const SEED = 20_261_123;

/** `address words:port` of compact peers. */
function namesOf(peers: Uint8Array, family: 4 | 6): string[] {
  const size = family === 4 ? 6 : 18;
  const names: string[] = [];
  for (let i = 0; i < peers.length; i += size) {
    names.push(peers.subarray(i, i + size).join("."));
  }
  return names;
}

for (const family of [4, 6] as const) {
  Deno.test({
    name:
      `SwarmTable - large swarms are what a map would have (IPv${family}, seed ${SEED})`,
    permissions: "none",
    fn() {
      const random = seededRandom(SEED);
      const table = new SwarmTable({ random });
      const request = newSwarmAnnounce();
      request.family = family;
      const model = new Map<string, boolean>();
      // Addresses whose words have their highest bit, too.
      const announce = (
        n: number,
        seed: boolean,
        event: "stopped" | undefined,
        numWant: number,
      ) => {
        const ip = [
          0xc0000000 + ((n >> 5) << 8),
          0xfe000001,
          7 * n,
          0x80000000 + n,
        ];
        [request.ip0, request.ip1, request.ip2, request.ip3] = family === 4
          ? [ip[0]!, 0, 0, 0]
          : [ip[0]!, ip[1]!, ip[2]!, ip[3]!];
        // Each has as many ports as one may have.
        request.port = 1 + (n & 0x1f) * 2113 % 65_535;
        request.seed = seed;
        request.event = event;
        request.numWant = numWant;
        const bytes = (word: number) =>
          [24, 16, 8, 0].map((by) => word >>> by & 0xff);
        const name = [
          ...(family === 4 ? bytes(ip[0]!) : ip.flatMap(bytes)),
          request.port >>> 8,
          request.port & 0xff,
        ].join(".");
        return [name, table.announce(request, 0)] as const;
      };
      // Up to 3000 peers, down to few, and up again.
      for (const [steps, joins] of [[6000, 8], [6000, 1], [3000, 8]] as const) {
        for (let step = 0; step < steps; step++) {
          const n = randomInt(random, 3000);
          const leaves = randomInt(random, 10) >= joins;
          const seed = randomInt(random, 3) === 0;
          const event = leaves ? "stopped" : undefined;
          const [name, answer] = announce(n, seed, event, 200);
          if (leaves) model.delete(name);
          else model.set(name, seed);
          const seeders = [...model.values()].filter(Boolean).length;
          if (step % 10 === 0) assertEquals(answer.seeders, seeders);
          assertEquals(answer.seeders + answer.leechers, model.size);
          const length = family === 4 ? answer.length4 : answer.length6;
          const peers = family === 4 ? answer.peers4 : answer.peers6;
          const names = namesOf(peers.subarray(0, length), family);
          assertEquals(new Set(names).size, names.length);
          for (const other of names) {
            assert(model.has(other) && other !== name, `step ${step} ${other}`);
          }
          if (!leaves) {
            const others = seed ? model.size - seeders : model.size - 1;
            assert(
              names.length >= Math.min(others, 100),
              `step ${step}: ${names.length} of ${others}`,
            );
          }
        }
      }
      assert(model.size > 1500);
    },
  });
}

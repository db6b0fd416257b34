import { assert } from "@std/assert";
import type { RevelationName } from "../../../client/policy_options.ts";
import {
  assertFiles,
  type SimHost,
  simTorrent,
  SwarmWorld,
} from "../../../testing/mod.ts";

const LIMIT_MS = 600_000;

/** Bytes that a seed sent until three leechers, who know each other, were done. */
async function seedSends(revelation: RevelationName): Promise<number> {
  const torrent = await simTorrent([["a.bin", 2_000_000]]);
  await using world = new SwarmWorld({ seed: 11 });
  const seed = await world.host({ uploadLimit: 200_000 });
  for (const [path, bytes] of torrent.content) {
    seed.files.open(path.split("/"), { write: true }).write(bytes, 0);
  }
  seed.add(torrent, { revelation });
  const hosts: SimHost[] = [];
  for (let i = 0; i < 3; i++) {
    const host = await world.host();
    host.add(torrent, { peers: [seed, ...hosts].map((h) => h.address) });
    hosts.push(host);
  }
  await world.until(
    () => hosts.every(({ torrent }) => torrent.state === "seeding"),
    LIMIT_MS,
  );
  for (const host of hosts) assertFiles(torrent, host.files);
  return seed.torrent.stats().uploadedBytes / torrent.metainfo.totalLength;
}

for (const revelation of ["honest", "lazy"] as const) {
  Deno.test(`${revelation} revelation: everybody completes`, async () => {
    assert(await seedSends(revelation) >= 1);
  });
}

Deno.test("superseeding: a seed sends each piece little more than once (BEP 16)", async () => {
  const copies = await seedSends("super-seeding");
  assert(copies >= 1 && copies < 1.5, `${copies} copies sent`);
});

import { assertEquals } from "@std/assert";
import { SwarmPeerIds } from "../../../tracker/table/swarm_peer_ids.ts";
import { newSwarmAnnounce } from "../../../tracker/swarm_store.ts";

Deno.test({
  name: "SwarmPeerIds gives each peer its own id or none",
  permissions: "none",
  fn() {
    const ids = new SwarmPeerIds();
    const infoHash = new Uint8Array(20).fill(7);
    const compact = new Uint8Array([10, 0, 0, 0, 0x1a, 0xe1]);
    assertEquals(ids.find(infoHash, compact), undefined);
    const id = (n: number) => {
      const bytes = new Uint8Array(24).fill(0xf0);
      bytes[4] = n >> 8;
      bytes[23] = n;
      return bytes;
    };
    for (let n = 0; n < 5000; n++) {
      const announce = { ...newSwarmAnnounce(), infoHash, port: 6881 };
      announce.ip0 = 0x0a000000 + n;
      ids.note(announce, id(n), 4);
    }
    let found = 0;
    for (let n = 0; n < 5000; n++) {
      compact.set([n >> 8, n], 2);
      const bytes = ids.find(infoHash, compact);
      if (bytes === undefined) continue;
      found++;
      assertEquals(bytes, id(n).subarray(4));
    }
    assertEquals(found > 4500, true, `${found} of 5000`);
    const six = { ...newSwarmAnnounce(), infoHash, port: 6881 };
    ids.note({ ...six, family: 6, ip0: 0x0a000001 }, id(1), 4);
    const compact6 = new Uint8Array(18);
    compact6.set([10, 0, 0, 1]);
    compact6.set([0x1a, 0xe1], 16);
    assertEquals(ids.find(infoHash, compact6), id(1).subarray(4));
    compact6[15] = 1;
    assertEquals(ids.find(infoHash, compact6), undefined);
    assertEquals(ids.find(new Uint8Array(20), compact), undefined);
  },
});

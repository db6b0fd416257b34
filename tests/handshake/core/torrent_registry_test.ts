import { assertEquals } from "@std/assert";
import { TorrentRegistry } from "../../../handshake/core/torrent_registry.ts";
import { mseTorrentHash } from "../../../handshake/encryption/mse_machine.ts";

const hash = (byte: number) => new Uint8Array(20).fill(byte);

Deno.test("a hybrid torrent has two names in encrypted handshakes", {
  permissions: "none",
}, () => {
  const torrents = new TorrentRegistry();
  const find = (byte: number) =>
    torrents.findEncrypted(mseTorrentHash(hash(byte)));
  torrents.add(hash(1), { v2InfoHash: new Uint8Array(32).fill(2) });
  assertEquals([find(1), find(2), find(3)], [hash(1), hash(2), undefined]);
  // What comes and goes later is known, too.
  torrents.add(hash(3));
  assertEquals(find(3), hash(3));
  torrents.remove(hash(2), "BitTorrent protocol");
  assertEquals([find(1), find(2), find(3)], [undefined, undefined, hash(3)]);
});

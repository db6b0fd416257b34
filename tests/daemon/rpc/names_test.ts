import { assertEquals } from "@std/assert";
import {
  fromLegacy,
  legacyName,
  snakeName,
  toLegacy,
} from "../../../daemon/rpc/names.ts";

const permissions = "none";

Deno.test({
  name: "names of both dialects mean the same",
  permissions,
  fn() {
    const rows: [string, string][] = [
      ["hash_string", "hashString"],
      ["is_utp", "isUTP"],
      ["seed_ratio_limited", "seedRatioLimited"],
      ["alt_speed_time_begin", "alt-speed-time-begin"],
      ["cache_size_mib", "cache-size-mb"],
      ["peer_limit", "peer-limit"],
      ["file_count", "file-count"],
      ["primary_mime_type", "primary-mime-type"],
      ["max_connected_peers", "maxConnectedPeers"],
      ["cumulative_stats", "cumulative-stats"],
      ["from_dht", "fromDht"],
      ["sequential_download", "sequential_download"],
      ["name", "name"],
      ["total_size", "totalSize"],
      ["size_bytes", "size-bytes"],
      ["torrent_added", "torrent-added"],
      ["delete_local_data", "delete-local-data"],
    ];
    for (const [name, old] of rows) {
      assertEquals(legacyName(name, "torrent_get"), old);
      assertEquals(snakeName(old), name);
      assertEquals(snakeName(name), name);
    }
  },
});

Deno.test({
  name: "a few names depend on the method",
  permissions,
  fn() {
    assertEquals(legacyName("download_dir", "torrent_get"), "downloadDir");
    assertEquals(legacyName("download_dir", "session_get"), "download-dir");
    assertEquals(legacyName("total_size", "free_space"), "total_size");
    assertEquals(snakeName("download-dir"), "download_dir");
    assertEquals(snakeName("downloadDir"), "download_dir");
    const long = "A".repeat(65);
    assertEquals(snakeName(long), long);
  },
});

Deno.test({
  name: "answers are renamed however deep, values never",
  permissions,
  fn() {
    const value = {
      current_stats: { uploaded_bytes: 1, list: [{ is_utp: true }, null] },
      units: ["size_units"],
    };
    const old = {
      "current-stats": { uploadedBytes: 1, list: [{ isUTP: true }, null] },
      units: ["size_units"],
    };
    assertEquals(toLegacy(value, "session_stats"), old);
    assertEquals(fromLegacy(old), value);
  },
});

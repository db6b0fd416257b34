import { assertEquals } from "@std/assert";
import { TORRENT_FIELDS } from "../../../daemon/rpc/torrent_fields.ts";
import { RpcWorld } from "./rpc_world.ts";

Deno.test("rpc - every field of a link whose files are not known", async () => {
  await using world = await RpcWorld.open();
  const hash = "ab".repeat(20);
  await world.call("torrent_add", {
    filename: `magnet:?xt=urn:btih:${hash}&dn=named&tr=udp%3A%2F%2Fa.test%3A1`,
    paused: true,
  });
  const all = await world.get(1, ...Object.keys(TORRENT_FIELDS));
  assertEquals(Object.keys(all).length, Object.keys(TORRENT_FIELDS).length);
  const { added_date: added, edit_date: _, start_date: __, ...rest } = all;
  assertEquals(Math.abs(Number(added) - Date.now() / 1000) < 60, true);
  const zero = `activity_date corrupt_ever date_created desired_available
    done_date downloaded_ever error have_unchecked have_valid
    left_until_done metadata_percent_complete peers_connected
    peers_getting_from_us peers_sending_to_us percent_complete percent_done
    piece_count piece_size queue_position rate_download rate_upload
    recheck_progress seconds_downloading seconds_seeding size_when_done
    sequential_download_from_piece status total_size uploaded_ever file_count
    webseeds_sending_to_us bandwidth_priority seed_idle_mode seed_ratio_mode`
    .split(/\s+/);
  const lists = `availability bytes_completed file_stats files labels peers
    priorities tracker_stats trackers wanted webseeds webseeds_ex`.split(/\s+/);
  const empty =
    "comment creator error_string group pieces torrent_file tracker_list"
      .split(" ");
  assertEquals(rest, {
    ...Object.fromEntries(zero.map((name) => [name, 0])),
    ...Object.fromEntries(lists.map((name) => [name, []])),
    ...Object.fromEntries(empty.map((name) => [name, ""])),
    download_dir: world.dir.path,
    download_limit: 100,
    download_limited: false,
    eta: -1,
    eta_idle: -1,
    hash_string: hash,
    honors_session_limits: true,
    id: 1,
    is_finished: false,
    is_private: false,
    is_stalled: false,
    magnet_link: `magnet:?xt=urn:btih:${hash}&dn=named`,
    manual_announce_time: -1,
    max_connected_peers: 100,
    name: "named",
    peer_limit: 100,
    peers_from: {
      from_cache: 0,
      from_dht: 0,
      from_incoming: 0,
      from_lpd: 0,
      from_ltep: 0,
      from_pex: 0,
      from_tracker: 0,
    },
    primary_mime_type: "application/octet-stream",
    seed_idle_limit: 30,
    seed_ratio_limit: 2,
    sequential_download: false,
    upload_limit: 100,
    upload_limited: false,
    upload_ratio: -1,
  });
});

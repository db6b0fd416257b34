import { assertEquals } from "@std/assert";
import { TORRENT_FIELDS } from "../../../daemon/rpc/torrent_fields.ts";
import { type FakeTorrent, fakeView, METAINFO, NOW } from "./fake_view.ts";
import { RpcWorld } from "./rpc_world.ts";

const permissions = "none";

/** Some fields of a torrent. */
function tell(fake: FakeTorrent, ...names: string[]): unknown[] {
  const view = fakeView(fake);
  return names.map((name) => TORRENT_FIELDS[name]!(view));
}

const COMPLETE = { doneBytes: 100_000, piecesDone: 7 } as const;
const on = (value: number) => ({ enabled: true, value });

Deno.test({
  name: "what a torrent is doing is a number",
  permissions,
  fn() {
    const rows: [FakeTorrent, number][] = [
      [{ status: "stopped" }, 0],
      [{ status: "error" }, 0],
      [{ status: "checking" }, 1],
      [{ status: "checking", checkProgress: 0.5 }, 2],
      [{ status: "queued" }, 3],
      [{ status: "queued", stats: COMPLETE }, 5],
      [{ status: "queued", record: { complete: true } }, 5],
      [
        {
          status: "queued",
          record: { complete: true },
          stats: { piecesDone: 3 },
        },
        3,
      ],
      [{ status: "no-space" }, 3],
      [{ status: "metadata" }, 4],
      [{ status: "downloading" }, 4],
      [{ status: "seeding" }, 6],
    ];
    for (const [fake, status] of rows) {
      assertEquals(tell(fake, "status"), [status]);
    }
    assertEquals(tell({ checkProgress: 0.25 }, "recheck_progress"), [0.25]);
  },
});

Deno.test({
  name: "what is wrong is told: the torrent first, then who refuses it",
  permissions,
  fn() {
    const refused = {
      url: "http://a.test/announce",
      state: "failed",
      failure: "refused",
      message: "not registered",
    } as const;
    const other = { ...refused, url: "http://b.test/announce" };
    const rows: [FakeTorrent, [number, string]][] = [
      [{}, [0, ""]],
      [{ status: "error", error: "no room" }, [3, "no room"]],
      [{ status: "error" }, [3, ""]],
      [{ status: "no-space" }, [3, "There is not enough space on the disk"]],
      [{ trackers: [refused] }, [2, "not registered"]],
      [{ trackers: [{ ...refused, failure: "timeout" }] }, [0, ""]],
      [{ trackers: [{ state: "working", message: "slow down" }] }, [
        1,
        "slow down",
      ]],
      [{ trackers: [{ ...other, state: "working" }, refused] }, [0, ""]],
    ];
    for (const [fake, error] of rows) {
      assertEquals(tell(fake, "error", "error_string"), error);
    }
  },
});

Deno.test({
  name: "how long it takes, as far as that is known",
  permissions,
  fn() {
    const seeding = {
      status: "seeding",
      settings: { seedRatio: on(2), seedIdleMinutes: on(10) },
      stats: { ...COMPLETE, uploadedBytes: 50_000 },
    } as const;
    const rows: [FakeTorrent, number][] = [
      [{ status: "stopped" }, -1],
      [{ status: "downloading" }, -2],
      [{ status: "downloading", stats: { etaMs: 1_500 } }, 2],
      [{ status: "downloading", stats: { etaMs: 1e15 } }, 2 ** 31],
      [{ status: "seeding", stats: COMPLETE }, -1],
      [seeding, -2],
      [{ ...seeding, stats: { ...seeding.stats, uploadRate: 1000 } }, 150],
      [{ ...seeding, stats: { ...COMPLETE, uploadedBytes: 200_000 } }, 0],
    ];
    for (const [fake, eta] of rows) assertEquals(tell(fake, "eta"), [eta]);
    const idle: [FakeTorrent, number][] = [
      [{ status: "seeding" }, -1],
      [{ ...seeding, status: "downloading" }, -1],
      [seeding, 600],
      [{ ...seeding, idleMs: 60_000 }, 540],
      [{ ...seeding, idleMs: 6_000_000 }, 0],
    ];
    for (const [fake, eta] of idle) assertEquals(tell(fake, "eta_idle"), [eta]);
  },
});

Deno.test({
  name: "a torrent is finished when a goal ended it, and stalled when it rests",
  permissions,
  fn() {
    const goal = { settings: { seedRatio: on(1) } };
    const sent = { ...COMPLETE, uploadedBytes: 100_000 };
    const rows: [FakeTorrent, boolean][] = [
      [{ ...goal, status: "stopped", stats: sent }, true],
      [{ ...goal, status: "seeding", stats: sent }, false],
      [{ ...goal, status: "stopped", stats: COMPLETE }, false],
      [{ ...goal, status: "stopped", stats: { uploadedBytes: 1e9 } }, false],
      [{ status: "stopped", stats: sent }, false],
      [
        {
          status: "stopped",
          stats: COMPLETE,
          settings: { seedMinutes: on(1) },
          record: { seedingMs: 60_000 },
        },
        true,
      ],
      [
        {
          status: "stopped",
          stats: COMPLETE,
          settings: { seedIdleMinutes: on(1) },
          record: { activeAt: NOW - 59_000 },
        },
        false,
      ],
      [
        {
          status: "stopped",
          stats: COMPLETE,
          settings: { seedIdleMinutes: on(1) },
          record: { activeAt: NOW - 60_000 },
        },
        true,
      ],
    ];
    for (const [fake, is] of rows) {
      assertEquals(tell(fake, "is_finished"), [is]);
    }
    const stalled = (idleMs: number, enabled = true) =>
      tell(
        { idleMs, settings: { stalledMinutes: { enabled, value: 1 } } },
        "is_stalled",
      )[0];
    assertEquals([stalled(59_999), stalled(60_000), stalled(60_000, false)], [
      false,
      true,
      false,
    ]);
  },
});

Deno.test({
  name: "pieces: what is there, and what can be had",
  permissions,
  fn() {
    // The last piece has 1696 bytes.
    const have = Uint8Array.of(1, 0, 0, 0, 0, 0, 1);
    const pieces = {
      have,
      availability: Uint16Array.of(9, 2, 0, 1, 1, 0, 0),
      priorities: Uint8Array.of(4, 4, 4, 0, 4, 4, 4),
    };
    const stats = { piecesDone: 2, doneBytes: 18_080 };
    assertEquals(METAINFO.layout.pieceSize(6), 1696);
    assertEquals(
      tell(
        { pieces, stats },
        "have_valid",
        "pieces",
        "availability",
        "desired_available",
        "left_until_done",
        "size_when_done",
        "percent_complete",
      ),
      [
        18_080,
        "gg==",
        [-1, 2, 0, 1, 1, 0, -1],
        2 * 16_384,
        81_920,
        100_000,
        0.1808,
      ],
    );
    const web = { pieces, stats, webSeeds: [{ active: 2 }, { active: 0 }] };
    assertEquals(
      tell(web, "desired_available", "webseeds_sending_to_us"),
      [81_920, 1],
    );
    assertEquals(tell({ stats: COMPLETE, pieces }, "desired_available"), [0]);
    // Something that is not wanted is there nevertheless.
    const part = { wantedBytes: 50_000, doneBytes: 10_000, piecesDone: 2 };
    assertEquals(
      tell({ pieces, stats: part }, "size_when_done", "percent_done"),
      [58_080, 18_080 / 58_080],
    );
  },
});

Deno.test({
  name: "ratios, goals and limits",
  permissions,
  fn() {
    const ratio = (stats: FakeTorrent["stats"] & object) =>
      tell({ stats }, "upload_ratio")[0];
    assertEquals(
      [
        ratio({ wantedBytes: 0 }),
        ratio({ wantedBytes: 0, uploadedBytes: 1 }),
        // What was downloaded plays no role: all that is wanted counts.
        ratio({ uploadedBytes: 5_000, downloadedBytes: 10_000 }),
        ratio({ ...COMPLETE, uploadedBytes: 50_000 }),
      ],
      [-1, -2, 0.05, 0.5],
    );
    const goals = (mode: "global" | "own" | "none", value: number) =>
      tell(
        {
          record: { seedRatio: { mode, value } },
          settings: { seedRatio: on(3) },
        },
        "seed_ratio_mode",
        "seed_ratio_limit",
      );
    assertEquals(goals("global", 0), [0, 3]);
    assertEquals(goals("global", 5), [0, 5]);
    assertEquals(goals("own", 0), [1, 0]);
    assertEquals(goals("none", 1.5), [2, 1.5]);
    const peers = [{ downloadRate: 1 }, { uploadRate: 2 }, { uploadRate: 3 }];
    assertEquals(
      tell({ peers }, "peers_sending_to_us", "peers_getting_from_us"),
      [1, 2],
    );
    assertEquals(tell({}, "primary_mime_type", "webseeds", "file_count"), [
      "video/x-matroska",
      ["http://w.test/x", "http://v.test/y"],
      3,
    ]);
  },
});

Deno.test("rpc - every field of a link whose files are not known", async () => {
  await using world = await RpcWorld.open();
  const hash = "ab".repeat(20);
  await world.call("torrent_add", {
    filename:
      `magnet:?xt=urn:btih:${hash}&dn=named&tr=udp%3A%2F%2Fa.test%3A1&ws=http%3A%2F%2Fw.test%2F`,
    paused: true,
  });
  const all = await world.get(1, ...Object.keys(TORRENT_FIELDS));
  assertEquals(Object.keys(all).length, Object.keys(TORRENT_FIELDS).length);
  const { added_date: added, edit_date: edited, start_date: _, ...rest } = all;
  assertEquals(Math.abs(Number(added) - Date.now() / 1000) < 60, true);
  assertEquals(edited, added);
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
    priorities tracker_stats trackers wanted`.split(/\s+/);
  const empty =
    "comment creator error_string group pieces source torrent_file tracker_list"
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
    magnet_link:
      `magnet:?xt=urn:btih:${hash}&dn=named&ws=http%3A%2F%2Fw.test%2F`,
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
    webseeds: ["http://w.test/"],
    webseeds_ex: [{
      download_bytes_per_second: 0,
      is_downloading: false,
      url: "http://w.test/",
    }],
  });
});

import { assertEquals } from "@std/assert";
import {
  files,
  fileStats,
  peers,
  peersFrom,
  trackers,
  trackerStats,
  webSeeds,
} from "../../../daemon/rpc/nested_fields.ts";
import { type FakeTorrent, fakeView, METAINFO } from "./fake_view.ts";

const permissions = "none";

Deno.test({
  name: "files say where their pieces are",
  permissions,
  fn() {
    const view = fakeView({});
    assertEquals(
      files(view).map(({ begin_piece, end_piece, name }) => [
        name,
        begin_piece,
        end_piece,
      ]),
      [["top/0", 0, 2], ["top/1", 1, 6], ["top/2", 5, 7]],
    );
    assertEquals(fileStats(view)[1], {
      bytes_completed: 35_000,
      priority: 0,
      wanted: true,
    });
  },
});

Deno.test({
  name: "peers are shown with what is so of them",
  permissions,
  fn() {
    type Peer = NonNullable<FakeTorrent["peers"]>[number];
    const rows: [Peer, string][] = [
      [{}, ""],
      [{ amInterested: true }, "d"],
      [{ amInterested: true, peerChoking: false }, "D"],
      [{ peerChoking: false }, "K"],
      [{ peerInterested: true }, "u"],
      [{ peerInterested: true, amChoking: false }, "U"],
      [{ amChoking: false }, "?"],
      [{ encryption: "rc4" }, "E"],
      [{ encryption: "plaintext" }, ""],
      [{ source: "dht" }, "H"],
      [{ source: "pex" }, "X"],
      [{ direction: "inbound" }, "I"],
      [{ transport: "utp" }, "T"],
      [
        {
          amInterested: true,
          peerChoking: false,
          peerInterested: true,
          amChoking: false,
          encryption: "rc4",
          source: "dht",
          direction: "inbound",
          transport: "utp",
        },
        "TDUEHI",
      ],
    ];
    const shown = peers(fakeView({ peers: rows.map(([peer]) => peer) }));
    assertEquals(shown.map(({ flag_str }) => flag_str), rows.map(([, f]) => f));
    assertEquals(shown.at(-1), {
      address: "192.0.2.1",
      bytes_to_client: 0,
      bytes_to_peer: 0,
      client_is_choked: false,
      client_is_interested: true,
      client_name: "",
      flag_str: "TDUEHI",
      is_downloading_from: true,
      is_encrypted: true,
      is_incoming: true,
      is_uploading_to: true,
      is_utp: true,
      peer_id: new Uint8Array(20).toBase64(),
      peer_is_choked: false,
      peer_is_interested: true,
      port: 1,
      progress: 0,
      rate_to_client: 0,
      rate_to_peer: 0,
    });
    const sources = ["dht", "dht", "pex", "lpd", "resume", "incoming"];
    const others = ["tracker", "magnet", "manual"];
    const from = [...sources, ...others].map((source) => ({ source }));
    assertEquals(peersFrom(fakeView({ peers: from })), {
      from_cache: 1,
      from_dht: 2,
      from_incoming: 1,
      from_lpd: 1,
      from_ltep: 0,
      from_pex: 1,
      from_tracker: 3,
    });
  },
});

Deno.test({
  name: "trackers have a site, a place to be scraped at, and a tier",
  permissions,
  fn() {
    const urls: [string, string, string][] = [
      ["http://a.t.test/x/announce?k=1", "http://a.t.test/x/scrape?k=1", "t"],
      ["http://t.test/announce.php", "http://t.test/scrape.php", "t"],
      ["http://t.test/other", "", "t"],
      ["http://a.t.co.uk/announce", "http://a.t.co.uk/scrape", "t"],
      ["http://co.uk/announce", "http://co.uk/scrape", "co"],
      ["udp://host:1/announce", "udp://host:1/announce", "host"],
      ["http://192.0.2.1:1/announce", "http://192.0.2.1:1/scrape", "192.0.2.1"],
      ["http://[::1]:1/announce", "http://[::1]:1/scrape", "[::1]"],
    ];
    const view = fakeView({
      trackers: urls.map(([url], i) => ({ url, tier: 5 - i })),
    });
    const byTier = trackers(view);
    assertEquals(byTier.map(({ tier }) => tier), [-2, -1, 0, 1, 2, 3, 4, 5]);
    assertEquals(
      byTier.toReversed().map((
        { announce, scrape, sitename },
      ) => [announce, scrape, sitename]),
      urls,
    );
  },
});

Deno.test({
  name: "trackers are told in the order of the torrent, not as they are asked",
  permissions,
  fn() {
    const urls = METAINFO.trackers.flat();
    const view = fakeView({
      trackers: [urls[1]!, urls[0]!, "http://new.test/"].map((url) => ({
        url,
      })),
    });
    assertEquals(
      trackers(view).map(({ announce }) => announce),
      [...urls, "http://new.test/"],
    );
    // The one that is asked first is none that waits for others to fail.
    assertEquals(trackerStats(view).map((one) => one.is_backup), [
      true,
      false,
      true,
    ]);
  },
});

Deno.test({
  name: "what a tracker is up to",
  permissions,
  fn() {
    const told = trackerStats(fakeView({
      trackers: [
        { url: "http://a.test/announce" },
        {
          url: "http://b.test/announce",
          state: "working",
          lastAt: 400_000,
          askedAt: 399_000,
          nextAt: 600_000,
          seeders: 1,
          leechers: 2,
          downloads: 3,
          peers: 4,
        },
        {
          url: "http://c.test/announce",
          state: "failed",
          failures: 1,
          failure: "timeout",
          message: "too late",
          nextAt: 501_000,
          lastAt: 300_000,
          askedAt: 480_000,
        },
        {
          url: "http://d.test/announce",
          state: "announcing",
          message: "hi",
          askedAt: 490_000,
        },
        {
          url: "http://e.test/announce",
          state: "working",
          lastAt: 500_000,
          message: "a warning",
        },
      ],
    }));
    const pick = (name: string) => told.map((one) => one[name]);
    assertEquals(pick("announce_state"), [0, 1, 1, 3, 0]);
    assertEquals(pick("has_announced"), [false, true, true, false, true]);
    assertEquals(pick("last_announce_succeeded"), [
      false,
      true,
      false,
      false,
      true,
    ]);
    assertEquals(pick("last_announce_result"), [
      "",
      "Success",
      "too late",
      "hi",
      "a warning",
    ]);
    assertEquals(pick("last_announce_timed_out"), [
      false,
      false,
      true,
      false,
      false,
    ]);
    assertEquals(
      pick("last_announce_time"),
      [0, 999_900, 999_980, 0, 1_000_000],
    );
    assertEquals(
      pick("last_announce_start_time"),
      [0, 999_899, 0, 999_990, 0],
    );
    assertEquals(pick("is_backup"), [false, true, true, true, true]);
    assertEquals(pick("next_announce_time"), [0, 1_000_100, 1_000_001, 0, 0]);
    assertEquals(pick("seeder_count"), [-1, 1, -1, -1, -1]);
    assertEquals(pick("leecher_count"), [-1, 2, -1, -1, -1]);
    assertEquals(pick("download_count"), [-1, 3, -1, -1, -1]);
    assertEquals(pick("last_announce_peer_count"), [0, 4, 0, 0, 0]);
  },
});

Deno.test({
  name: "web seeds are there before they are asked",
  permissions,
  fn() {
    const view = fakeView({
      webSeeds: [{ name: "http://v.test", active: 1, downloadRate: 7.4 }],
    });
    assertEquals(webSeeds(view), [
      {
        download_bytes_per_second: 0,
        is_downloading: false,
        url: "http://w.test/x",
      },
      {
        download_bytes_per_second: 7,
        is_downloading: true,
        url: "http://v.test/y",
      },
    ]);
  },
});

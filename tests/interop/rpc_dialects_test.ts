/** Transmission's newest and ours answer alike, in both dialects. */
import { assertEquals } from "@std/assert";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TORRENT_FIELDS } from "../../daemon/rpc/torrent_fields.ts";
import { legacyName, toLegacy } from "../../daemon/rpc/names.ts";
import { interopTest, TRANSMISSIONS } from "./programs.ts";
import { callJson, post, type Remote, RpcScene, until } from "./rpc_scene.ts";

type Json = Record<string, unknown>;

const RELEASE = TRANSMISSIONS[1];

/** Whatever each says in its own words, or tells of itself. */
const OWN = new Set(
  `config_dir dht_enabled download_dir_free_space incomplete_dir
  lpd_enabled peer_limit_global peer_limit_per_torrent peer_port pex_enabled
  port_forwarding_enabled preferred_transports rename_partial_files reqq
  session_id speed_limit_down speed_limit_up utp_enabled version
  anti_brute_force_enabled anti_brute_force_threshold blocklist_url
  activity_date added_date done_date edit_date start_date max_connected_peers
  peer_limit torrent_file seconds_downloading seconds_seeding seconds_active
  files_added total_size size_bytes has_scraped last_scrape_result
  last_scrape_start_time last_scrape_time next_scrape_time scrape_state
  last_announce_result last_announce_start_time last_announce_time
  next_announce_time is_backup announce_state has_announced`.split(/\s+/),
);
const OWN_LEGACY = new Set(
  ["torrent_get", "session_get"].flatMap((method) =>
    Array.from(OWN, (name) => legacyName(name, method))
  ),
);

/** Makes an answer comparable: what is of each one's own only has a kind. */
function plain(value: unknown, { dir, otherDir }: Remote): unknown {
  if (typeof value === "string") {
    return value.replaceAll(otherDir, "OTHER").replaceAll(dir, "DIR");
  }
  // Theirs are of 32 bits.
  if (typeof value === "number") return Math.fround(value);
  if (Array.isArray(value)) {
    return value.map((part) => plain(part, { dir, otherDir } as Remote));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      OWN.has(name) || OWN_LEGACY.has(name) ||
        // Of trackers.
        (name === "id" && "announce" in value)
        ? Array.isArray(part) ? "list" : typeof part
        : plain(part, { dir, otherDir } as Remote),
    ]),
  );
}

/** Where two answers differ. */
function differences(mine: unknown, model: unknown, at = ""): string[] {
  const [a, b] = [JSON.stringify(mine), JSON.stringify(model)];
  if (a === b) return [];
  const isDeep = [mine, model].every((one) =>
    typeof one === "object" && one !== null
  );
  if (!isDeep) return [`${at}: ${a}, not ${b}`];
  const names = new Set(
    [mine, model].flatMap((one) => Object.keys(one as Json)),
  );
  return [...names].flatMap((name) =>
    differences((mine as Json)[name], (model as Json)[name], `${at}.${name}`)
  );
}

/** Sends a body to both and compares the answers. */
async function compare(
  { remotes: [ours, theirs] }: RpcScene,
  body: string | ((remote: Remote) => string),
): Promise<void> {
  const [mine, model] = await Promise.all(
    [ours!, theirs!].map(async (remote) => {
      const text = typeof body === "string" ? body : body(remote);
      const answer = await post(remote, text);
      const json = await answer.text();
      return [
        answer.status,
        json === "" ? "" : plain(JSON.parse(json), remote),
      ];
    }),
  );
  const what = typeof body === "string" ? body : body(ours!);
  assertEquals(differences(mine, model), [], what);
}

/** Calls a method of both dialects, and compares the answers. */
async function call(
  scene: RpcScene,
  method: string,
  given: Json | ((remote: Remote) => Json) = {},
): Promise<void> {
  const of = (remote: Remote) =>
    typeof given === "function" ? given(remote) : given;
  await compare(
    scene,
    (remote) =>
      JSON.stringify({ jsonrpc: "2.0", method, params: of(remote), id: 1 }),
  );
  await compare(scene, (remote) =>
    JSON.stringify({
      method: method.replaceAll("_", "-"),
      arguments: toLegacy(of(remote), method),
      tag: 1,
    }));
}

/** All fields that both know, as objects and as a table. */
async function compareTorrents(scene: RpcScene): Promise<void> {
  // What came after the newest release.
  const fields = Object.keys(TORRENT_FIELDS)
    .filter((name) => name !== "webseeds_ex");
  await call(scene, "torrent_get", { fields });
  await compare(
    scene,
    JSON.stringify({
      method: "torrent-get",
      arguments: {
        fields: fields.map((name) => legacyName(name, "torrent_get")),
      },
    }),
  );
  const words = fields.filter((name) =>
    !OWN.has(name) && !/tracker/.test(name)
  );
  await call(scene, "torrent_get", { fields: words, format: "table" });
}

const FILES: readonly [string, number, number][] = [
  ["one.txt", 40_000, 1],
  ["dir/two.mp4", 100_000, 2],
  ["dir/three.bin", 70_000, 3],
];

/** A torrent with all that a torrent file may have. */
const rich = () =>
  createMetainfo({
    name: "rich",
    inputs: FILES.map(([path, size, fill]) => ({
      path: path.split("/"),
      bytes: new Uint8Array(size).fill(fill),
    })),
    trackers: [
      ["http://127.0.0.1:12/x/announce?key=1", "http://127.0.0.1:11/announce"],
      ["udp://127.0.0.1:13"],
      ["https://tracker.example.co.uk/announce.php"],
    ],
    webSeeds: ["http://127.0.0.1:14/a/", "http://127.0.0.1:14/b/"],
    private: true,
    source: "SOURCE",
    comment: "ünï",
    createdBy: "someone",
    creationDate: 1_600_000_000,
    pieceLength: 32_768,
  });

const single = () =>
  createMetainfo({
    name: "single.mkv",
    inputs: [{
      path: ["single.mkv"],
      bytes: new Uint8Array(200_000).fill(9),
    }],
    pieceLength: 16_384,
  });

const LINK = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=linked` +
  "&tr=http%3A%2F%2F127.0.0.1%3A11%2Fannounce&ws=http%3A%2F%2F127.0.0.1%3A14%2Fw";

interopTest("rpc - all fields of torrents, as Transmission 4 tells them", [
  ...RELEASE.programs,
], async () => {
  await using scene = await RpcScene.open(RELEASE);
  for (const { dir } of scene.remotes) {
    // Two of three files, and the first half of a file.
    await Deno.mkdir(`${dir}/rich/dir`, { recursive: true });
    for (const [path, size, fill] of FILES.slice(0, 2)) {
      const bytes = new Uint8Array(size).fill(fill);
      await Deno.writeFile(`${dir}/rich/${path}`, bytes);
    }
    const half = new Uint8Array(200_000);
    await Deno.writeFile(`${dir}/single.mkv`, half.fill(9, 0, 100_000));
  }
  const metainfo = (await Deno.readFile(scene.torrent)).toBase64();
  const paused = true;
  await call(scene, "torrent_add", { metainfo, paused });
  await call(scene, "torrent_add", {
    metainfo: (await rich()).toBase64(),
    labels: ["a", "b"],
    bandwidth_priority: 1,
    files_unwanted: [2],
    priority_high: [1],
    sequential_download: true,
    sequential_download_from_piece: 3,
    paused,
  });
  await call(scene, "torrent_add", {
    metainfo: (await single()).toBase64(),
    peer_limit: 33,
    paused,
  });
  await call(scene, "torrent_add", { filename: LINK, paused });
  await call(scene, "torrent_add", { filename: "cd".repeat(20), paused });
  await call(scene, "torrent_add", { filename: scene.url, paused });
  const settled = (check: (torrents: Json[]) => boolean) =>
    Promise.all(scene.remotes.map((remote) => until(remote, check)));
  // Both look by themselves at what is there.
  await settled((all) =>
    all.filter(({ haveValid }) => haveValid !== 0).length === 3 &&
    all.every(({ status }) => status === 0)
  );
  await compareTorrents(scene);
  const changes: Json = {
    download_limit: 77,
    download_limited: true,
    upload_limit: 66,
    upload_limited: true,
    honors_session_limits: false,
    labels: ["x", "y"],
    group: "some",
    priority_low: [0],
    files_wanted: [2],
    files_unwanted: [0],
    seed_ratio_limit: 1.5,
    seed_ratio_mode: 1,
    seed_idle_limit: 9,
    seed_idle_mode: 2,
    sequential_download: true,
    sequential_download_from_piece: 2,
    queue_position: 2,
    tracker_list: "udp://127.0.0.1:15/b\nudp://127.0.0.1:16/a\n\n" +
      "http://127.0.0.1:17/announce",
  };
  for (const [name, value] of Object.entries(changes)) {
    await call(scene, "torrent_set", { ids: [1, 2], [name]: value });
  }
  await call(scene, "group_get");
  await compare(
    scene,
    JSON.stringify({
      jsonrpc: "2.0",
      method: "torrent_rename_path",
      params: { ids: [1], path: "payload/a.txt", name: "z.txt" },
      id: 1,
    }),
  );
  await compareTorrents(scene);
  // Everything that is wanted is there, so that nothing looks for peers.
  await call(scene, "torrent_set", { ids: [1], files_wanted: [] });
  await call(scene, "torrent_start", { ids: [1, 3] });
  await settled((all) => all.some(({ status }) => status === 6));
  await compareTorrents(scene);
  await call(scene, "session_stats");
  for (const ids of ["recently_active", [], null, {}, 1, "1", [3, 1], 1.5]) {
    await call(scene, "torrent_get", { fields: ["name"], ids });
  }
  for (const ids of ["ab".repeat(20), ["AB".repeat(20), 2]]) {
    await call(scene, "torrent_get", { fields: ["name"], ids });
  }
  const mixed = ["hash_string", "hashString", "peer-limit", "nonsense", "name"];
  await call(scene, "torrent_get", { fields: mixed });
  for (const method of ["top", "bottom", "up", "down"]) {
    await call(scene, `queue_move_${method}`, { ids: [2, 4] });
    await call(scene, "torrent_get", { fields: ["name", "queue_position"] });
  }
});

/** Bodies that are no calls, or odd ones. */
const BODIES = `1 null "x" {} [1] [{}] {"arguments":{}} {"method":5}
  {"jsonrpc":"2.0"} {"jsonrpc":"2.0","id":7}
  {"jsonrpc":"1.0","method":"session_stats","id":1}
  {"jsonrpc":2,"method":"session_stats","id":1}
  {"jsonrpc":"2.0","method":"nope","id":1} {"jsonrpc":"2.0","method":"nope"}
  {"method":"nope","tag":3} {"method":"nope","tag":"a"} {"method":"nope","id":5}
  {"method":"session-get","arguments":{"fields":["rpc-version"]},"tag":1.5}
  {"method":"session_get","params":{"fields":["rpc_version"]}}
  {"jsonrpc":"2.0","method":"session_get","params":[1],"id":1}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":"x"},"id":1}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":["x"]},"id":1}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":[5,"units"]},"id":1}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":["units"]},"id":"a"}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":["units"]},"id":null}
  {"jsonrpc":"2.0","method":"session_get","params":{"fields":["units"]},"id":1.5}
  {"jsonrpc":"2.0","method":"session_get","id":{}}
  {"jsonrpc":"2.0","method":"session_get","id":true}
  {"jsonrpc":"2.0","method":"torrent_get","id":1} {"method":"torrent-get"}
  {"method":"torrent-get","arguments":[]}
  [{"jsonrpc":"2.0","method":"session_get"}] [{"jsonrpc":"2.0","method":"x"}]
  [{"jsonrpc":"2.0","method":"session_get","id":[]},{"method":"session-get"}]
  [{"jsonrpc":"2.0","method":"group_get","id":1},5,{"jsonrpc":"2.0","method":"x","id":"z"}]`
  .split(/\s+/);

interopTest("rpc - settings, frames and mistakes, as Transmission 4 has them", [
  ...RELEASE.programs,
], async () => {
  await using scene = await RpcScene.open(RELEASE);
  for (const body of BODIES) await compare(scene, body);
  for (const method of ["session_get", "session_stats", "group_get"]) {
    await call(scene, method);
  }
  const metainfo = (await Deno.readFile(scene.torrent)).toBase64();
  await call(scene, "torrent_add", { metainfo, paused: true });
  const rows: Readonly<Record<string, readonly Json[]>> = {
    session_set: [
      ...Object.entries({
        alt_speed_down: 9,
        alt_speed_enabled: true,
        alt_speed_time_begin: 61,
        alt_speed_time_day: 3,
        alt_speed_time_enabled: false,
        alt_speed_time_end: 62,
        alt_speed_up: 8,
        blocklist_enabled: true,
        default_trackers: "http://127.0.0.1:11/a\n\nhttp://127.0.0.1:12/b",
        dht_enabled: false,
        download_queue_enabled: false,
        download_queue_size: 4,
        idle_seeding_limit: 5,
        idle_seeding_limit_enabled: true,
        lpd_enabled: false,
        pex_enabled: false,
        port_forwarding_enabled: false,
        queue_stalled_enabled: false,
        queue_stalled_minutes: 33,
        seed_queue_enabled: true,
        seed_queue_size: 6,
        seed_ratio_limit: 1.5,
        seed_ratio_limited: true,
        sequential_download: true,
        speed_limit_down: 77,
        speed_limit_down_enabled: "true",
        speed_limit_up: 66,
        speed_limit_up_enabled: 1,
        start_added_torrents: false,
      }).map(([name, value]) => ({ [name]: value })),
      ...["required", "preferred", "allowed", "nope"]
        .map((encryption) => ({ encryption })),
      ...[["x"], ["tcp", "tcp"], [], ["tcp"], ["utp", "tcp"]]
        .map((list) => ({ preferred_transports: list })),
      { download_dir: "relative" },
      { incomplete_dir: "relative" },
      { speed_limit_down: "many" },
      { nonsense: 1, version: "x" },
    ],
    free_space: [{}, { path: "relative" }, { path: "/nowhere/at/all" }],
    torrent_add: [
      {},
      { metainfo: "AAAA" },
      { metainfo: "!" },
      { filename: "nonsense" },
      { filename: "magnet:?xt=x" },
      { filename: scene.url, download_dir: "relative" },
      { metainfo, download_dir: "" },
      { metainfo, labels: ["a,b"] },
      { metainfo, labels: [" "] },
      { metainfo, labels: [5] },
      { metainfo, labels: "x", paused: "x" },
      { metainfo },
    ],
    torrent_set: [
      { ids: [1], files_wanted: [77] },
      { ids: [1], files_wanted: [-1] },
      { ids: [99], files_wanted: [77] },
      { ids: [1], tracker_remove: [77] },
      { ids: [1], tracker_add: ["nonsense"] },
      { ids: [1], tracker_add: [] },
      { ids: [1], tracker_replace: [0, "nonsense"] },
      { ids: [1], tracker_list: "nonsense" },
      { ids: [1], sequential_download_from_piece: 9999 },
      { ids: [1], sequential_download_from_piece: -1 },
      { ids: [1], labels: ["x,y"] },
      { ids: [1], labels: "x" },
      { ids: [1], bandwidth_priority: 5 },
      { ids: [1], download_limit: "x", seed_ratio_limit: [] },
      { ids: [1], seed_ratio_mode: 9, seed_idle_mode: 9 },
      { ids: [1] },
    ],
    torrent_set_location: [
      { ids: [1] },
      { ids: [1], location: "relative" },
      { ids: [99], location: "/nowhere" },
    ],
    torrent_rename_path: [{ ids: [99], path: "x", name: "y" }],
    torrent_start: [{ ids: [99] }],
    torrent_remove: [{ ids: [99] }, { ids: null }, { ids: "x" }],
    queue_move_top: [{ ids: [99] }],
    port_test: [{ ip_protocol: "x" }],
    group_set: [
      {},
      { name: " " },
      { name: " g ", speed_limit_down: 5, speed_limit_down_enabled: true },
      { name: "h", speed_limit_up: 7, honors_session_limits: false },
    ],
    group_get: [{}, { name: "g" }, { name: ["h", "x"] }, { name: "x" }],
  };
  for (const [method, calls] of Object.entries(rows)) {
    for (const given of calls) {
      await call(scene, method, given);
      if (method !== "session_set") continue;
      await call(scene, "session_get", { fields: Object.keys(given) });
    }
  }
  const encryption = (remote: Remote) =>
    callJson(remote, "session_get", { fields: ["encryption"] });
  const [mine, model] = await Promise.all(scene.remotes.map(encryption));
  assertEquals(mine, model);
  await call(scene, "free_space", ({ dir }) => ({ path: dir }));
  // Errors whose words are of each one's own.
  for (
    const given of [
      { ids: [1], path: "nix", name: "x" },
      { ids: [1], path: "payload/a.txt", name: "b.mkv" },
      { ids: [1], path: "payload/a.txt", name: "x/y" },
      { ids: [1], path: "payload/a.txt", name: ".." },
      { ids: [1] },
    ]
  ) {
    const answers = await Promise.all(
      scene.remotes.map(async (remote) => {
        const answer = await callJson(remote, "torrent_rename_path", given);
        const { code, message, data } = answer.error as Json;
        return { code, message, result: (data as Json).result };
      }),
    );
    assertEquals(answers[0], answers[1], JSON.stringify(given));
  }
});

/**
 * Transmission's docs/rpc-spec.md, field by field: what it lists is there with the
 * right name and kind in both dialects, and does something, or it is named here
 * with the reason why not.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { snakeName } from "../../../daemon/rpc/names.ts";
import { checkParams, type RpcMethod } from "../../../daemon/rpc/params.ts";
import type { RecentlyActive } from "../../../daemon/rpc/recently_active.ts";
import { getTorrents } from "../../../daemon/rpc/torrent_get.ts";
import { TORRENT_FIELDS } from "../../../daemon/rpc/torrent_fields.ts";
import { fakeView } from "./fake_view.ts";
import { RpcWorld } from "./rpc_world.ts";
import {
  NESTED,
  PARAMETERS,
  SESSION,
  type SpecField,
  STATS,
  TORRENT,
} from "./spec_tables.ts";

type Json = Record<string, unknown>;

const DIALECTS = ["json-rpc", "legacy"] as const;
type Dialect = (typeof DIALECTS)[number];

const nameIn = (dialect: Dialect, { name, legacy }: SpecField) =>
  dialect === "legacy" ? legacy : name;

/** Complains of a value that is of another kind. */
function checkKind(
  value: unknown,
  kind: string,
  dialect: Dialect,
  where: string,
) {
  if (kind.endsWith("[]")) {
    assert(Array.isArray(value) && value.length > 0, `${where}: a list`);
    for (const part of value) {
      checkKind(part, kind.slice(0, -2), dialect, `${where}[]`);
    }
    return;
  }
  const nested = NESTED[kind];
  if (nested !== undefined) {
    assertEquals(
      Object.keys(value as Json).sort(),
      nested.map((field) => nameIn(dialect, field)).sort(),
      where,
    );
    for (const field of nested) {
      const name = nameIn(dialect, field);
      checkKind((value as Json)[name], field.kind, dialect, `${where}.${name}`);
    }
    return;
  }
  const fits = kind === "b"
    ? typeof value === "boolean"
    : kind === "i"
    ? Number.isSafeInteger(value)
    : kind === "n"
    ? Number.isFinite(value)
    : typeof value === "string";
  assert(fits, `${where} is ${JSON.stringify(value)}, not of kind ${kind}`);
}

const VIEW = fakeView({
  peers: [{ transport: "utp" }],
  trackers: [{}],
  webSeeds: [{ name: "http://w.test", active: 1, downloadRate: 5.5 }],
  record: { labels: ["a"] },
  stats: { downloadRate: 1.5, uploadRate: 2.5, etaMs: 1.5 },
});

/** Nobody is recent. */
const RECENT = { removed: () => [] } as unknown as RecentlyActive;

Deno.test({
  name: "the spec's fields of a torrent, objects and a table",
  permissions: "none",
  fn() {
    assertEquals(
      Object.keys(TORRENT_FIELDS).sort(),
      TORRENT.map(({ name }) => name).sort(),
    );
    for (const dialect of DIALECTS) {
      const fields = TORRENT.map((field) => nameIn(dialect, field));
      const ask = (format: string) =>
        getTorrents([VIEW], { fields, format }, dialect, RECENT)
          .torrents as unknown[];
      const [torrent] = ask("objects") as Json[];
      assertEquals(Object.keys(torrent!), fields);
      for (const field of TORRENT) {
        // Clients of the older dialect compare `wanted` with 1.
        const isCount = field.name === "wanted" && dialect === "legacy";
        const name = nameIn(dialect, field);
        const kind = isCount ? "i[]" : field.kind;
        checkKind(torrent![name], kind, dialect, name);
      }
      assertEquals(ask("table"), [fields, Object.values(torrent!)]);
    }
  },
});

Deno.test("the spec's settings, figures and groups", async () => {
  await using world = await RpcWorld.open();
  await world.call("group_set", { name: "g", speed_limit_up: 3 });
  const methods: [string, readonly SpecField[]][] = [
    ["session_get", SESSION],
    ["session_stats", STATS],
    ["group_get", [{ name: "group", legacy: "group", kind: "group[]" }]],
  ];
  for (const [method, fields] of methods) {
    for (const dialect of DIALECTS) {
      const result = dialect === "legacy"
        ? (await world.legacy(method.replaceAll("_", "-"))).arguments as Json
        : await world.call(method);
      const names = fields.map((field) => nameIn(dialect, field));
      assertEquals(Object.keys(result).sort(), names.sort(), method);
      for (const field of fields) {
        const name = nameIn(dialect, field);
        checkKind(result[name], field.kind, dialect, `${method}.${name}`);
      }
    }
  }
  const { units } = await world.call("session_get", { fields: ["units"] });
  assertEquals(units, {
    memory_bytes: 1024,
    memory_units: ["B", "KiB", "MiB", "GiB", "TiB"],
    size_bytes: 1000,
    size_units: ["B", "kB", "MB", "GB", "TB"],
    speed_bytes: 1000,
    speed_units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
  });
});

Deno.test({
  name: "the spec's parameters are known by both names, and of one kind",
  permissions: "none",
  fn() {
    for (const [method, fields] of Object.entries(PARAMETERS)) {
      for (const { name, legacy, kind } of fields) {
        assertEquals(snakeName(legacy), name);
        if (kind === "ids" || kind === "pairs") continue;
        const right = kind.endsWith("[]")
          ? [kind === "i[]" ? 1 : "x"]
          : kind === "b"
          ? true
          : kind === "s"
          ? "x"
          : 1;
        const given = { [name]: right, unknown: 1 };
        assertEquals(checkParams(method as RpcMethod, given), {
          [name]: right,
        });
        for (const wrong of [{}, kind === "s" ? 1 : "x"]) {
          const none = checkParams(method as RpcMethod, { [name]: wrong });
          assertEquals(none, {}, `${method}.${name}`);
        }
      }
    }
  },
});

Deno.test("the spec's methods answer in both dialects", async () => {
  for (const method of Object.keys(PARAMETERS)) {
    await using world = await RpcWorld.open({
      settings: { blocklist: { enabled: false, sources: ["x"] } },
      loadBlocklist: () => Promise.reject(new Error("no")),
    });
    const id = await world.add();
    await world.checked(id);
    const params: Json = {
      ids: [id],
      fields: ["id"],
      path: method === "free_space" ? world.dir.path : "top/a.txt",
      name: "x",
      location: world.dir.join("else"),
      filename: "ab".repeat(20),
    };
    const name = method.replaceAll("_", "-");
    const { result } = await world.legacy(name, params);
    const isFetch = method === "blocklist_update";
    const text = isFetch ? "Couldn't fetch blocklist: no" : "success";
    assertEquals(result, text, method);
    const answer = await world.service.answer(JSON.stringify({
      jsonrpc: "2.0",
      method,
      params: {
        ...params,
        name: "y",
        path: method === "free_space" ? params.path : "top/b.mkv",
      },
      id: "x",
    })) as Json;
    assertEquals([answer.jsonrpc, answer.id], ["2.0", "x"]);
    if (isFetch) assertEquals((answer.error as Json).code, 8);
    else assert("result" in answer, method);
  }
});

Deno.test("each parameter of torrent_set and torrent_add does something", async () => {
  await using world = await RpcWorld.open({
    session: { listen: false, dht: false, lpd: false, portMap: false },
  });
  await world.add("first");
  const rows: [Json, Json?][] = [
    [{ bandwidth_priority: 1 }],
    [{ download_limit: 5 }],
    [{ download_limited: true }],
    [{ files_unwanted: [1] }, { wanted: [true, false] }],
    [{ files_wanted: [] }, { wanted: [true, true] }],
    [{ group: "g" }],
    [{ honors_session_limits: false }],
    [{ labels: ["a", "b"] }],
    [{ peer_limit: 7 }, { peer_limit: 7, max_connected_peers: 7 }],
    [{ priority_high: [0] }, { priorities: [1, 0] }],
    [{ priority_low: [1] }, { priorities: [1, -1] }],
    [{ priority_normal: [] }, { priorities: [0, 0] }],
    [{ queue_position: 0 }],
    [{ seed_idle_limit: 9 }],
    [{ seed_idle_mode: 1 }],
    [{ seed_idle_mode: 2 }],
    [{ seed_ratio_limit: 1.25 }],
    [{ seed_ratio_mode: 1 }],
    [{ seed_ratio_mode: 2 }],
    [{ sequential_download: true }],
    [{ sequential_download_from_piece: 2 }],
    [{ tracker_list: "http://a.test/announce\n" }],
    [{ tracker_add: ["http://b.test/announce"] }, {
      tracker_list: "http://a.test/announce\n\nhttp://b.test/announce\n",
    }],
    [{ tracker_list: "udp://c.test:1\n" }],
    [{ upload_limit: 6 }],
    [{ upload_limited: true }],
    [{ location: world.dir.join("else") }, {
      download_dir: world.dir.join("else"),
    }],
  ];
  const id = await world.add("second");
  await world.checked(id);
  const tried = new Set<string>(["ids", "tracker_remove", "tracker_replace"]);
  for (const [params, wanted = params] of rows) {
    const fields = Object.keys(wanted);
    const before = await world.get(id, ...fields);
    if (!("files_wanted" in params)) {
      assert(JSON.stringify(before) !== JSON.stringify(wanted), fields[0]);
    }
    await world.call("torrent_set", { ids: [id], ...params });
    assertEquals(await world.get(id, ...fields), wanted);
    tried.add(Object.keys(params)[0]!);
  }
  assertEquals(
    [...tried].sort(),
    PARAMETERS.torrent_set!.map(({ name }) => name).sort(),
  );
  const error = await assertRejects(() =>
    world.call("torrent_set", { ids: id, sequential_download_from_piece: 99 })
  );
  assertEquals((error as Error & { code: number }).code, 7);
  const added = await world.add("third", {
    bandwidth_priority: -1,
    cookies: "a=b",
    download_dir: world.dir.join("there"),
    files_unwanted: [1],
    labels: ["x"],
    peer_limit: 4,
    priority_high: [0],
    sequential_download: true,
    sequential_download_from_piece: 1,
  });
  const wanted = {
    bandwidth_priority: -1,
    download_dir: world.dir.join("there"),
    labels: ["x"],
    peer_limit: 4,
    priorities: [1, 0],
    sequential_download: true,
    sequential_download_from_piece: 1,
    status: 0,
    wanted: [true, false],
  };
  await world.checked(added);
  assertEquals(await world.get(added, ...Object.keys(wanted)), wanted);
});

Deno.test("each setting can be changed, or is one that cannot", async () => {
  await using world = await RpcWorld.open();
  const all = await world.call("session_get");
  /** What `session_set` says and does not do, and why. */
  const fixed: Readonly<Record<string, unknown>> = {
    // There is no cache whose size one could choose.
    cache_size_mib: 5,
    // What peers may ask for is bounded by what they take.
    reqq: 5,
    // Torrent files are not the daemon's; watched ones are renamed or moved.
    trash_original_torrent_files: true,
  };
  const refused = ["added", "done", "done_seeding"].flatMap((when) => [
    `script_torrent_${when}_enabled`,
    `script_torrent_${when}_filename`,
  ]);
  const others: Json = {
    blocklist_url: "http://lists.example/a",
    default_trackers: "http://t.test/announce",
    download_dir: world.dir.join("a"),
    encryption: "required",
    incomplete_dir: world.dir.join("b"),
    preferred_transports: ["tcp"],
  };
  for (const { name, kind } of PARAMETERS.session_set!) {
    const value = others[name] ??
      (kind === "b" ? !all[name] : kind === "s" ? "/bin/true" : 3);
    if (refused.includes(name)) {
      await assertRejects(
        () => world.call("session_set", { [name]: value }),
        Error,
        "Programs cannot be changed from afar",
      );
      continue;
    }
    await world.call("session_set", { [name]: value });
    const { [name]: now } = await world.call("session_get", { fields: [name] });
    // Where it listens is told, not where it will.
    if (name === "peer_port") assertEquals(world.daemon.settings.port, value);
    else assertEquals(now, name in fixed ? all[name] : value, name);
  }
});

Deno.test("a folder for incomplete files is kept while it is not used", async () => {
  await using world = await RpcWorld.open();
  const ask = async () =>
    Object.values(
      await world.call("session_get", {
        fields: ["incomplete_dir", "incomplete_dir_enabled"],
      }),
    );
  const dir = world.dir.join("parts");
  await world.call("session_set", { incomplete_dir: dir });
  assertEquals(await ask(), [dir, false]);
  await world.call("session_set", { incomplete_dir_enabled: true });
  assertEquals(await ask(), [dir, true]);
  const used = await world.add("used");
  assertEquals(world.daemon.get(used)!.torrent.dir, dir);
  await world.call("session_set", { incomplete_dir_enabled: false });
  assertEquals(await ask(), [dir, false]);
  const unused = await world.add("unused");
  assertEquals(world.daemon.get(unused)!.torrent.dir, world.dir.path);
});

Deno.test("what a torrent was told of order and peers is so after a restart", async () => {
  await using dir = new (await import("../../support/paths.ts")).TempDir();
  const state = dir.join("state.db");
  {
    await using world = await RpcWorld.open({ state, dir: dir.path });
    const id = await world.add();
    await world.call("torrent_set", {
      ids: id,
      peer_limit: 3,
      sequential_download: true,
      sequential_download_from_piece: 2,
    });
  }
  await using world = await RpcWorld.open({ state, dir: dir.path });
  const [ours] = world.daemon.torrents;
  const saved = await ours!.torrent.save({ resumeData: false });
  assertEquals([saved.sequential, saved.maxPeers], [2, 3]);
  assertEquals(await world.get(ours!.id, "peer_limit"), { peer_limit: 3 });
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RpcWorld, twoFiles } from "./rpc_world.ts";

Deno.test("rpc - both dialects tell of a torrent alike", async () => {
  await using world = await RpcWorld.open();
  const id = await world.add();
  const modern = await world.get(id, "hash_string", "wanted", "files", "x");
  const { arguments: given, result, tag } = await world.legacy("torrent-get", {
    ids: [id],
    fields: ["hashString", "wanted", "files", "total_size", "x"],
  });
  assertEquals([result, tag], ["success", 1]);
  const [legacy] = (given as { torrents: Record<string, unknown>[] }).torrents;
  assertEquals(legacy, {
    hashString: modern.hash_string,
    wanted: [1, 1],
    files: [
      {
        begin_piece: 0,
        bytesCompleted: 0,
        end_piece: 3,
        length: 40_000,
        name: "top/a.txt",
      },
      {
        begin_piece: 2,
        bytesCompleted: 0,
        end_piece: 7,
        length: 60_000,
        name: "top/b.mkv",
      },
    ],
    totalSize: 100_000,
  });
  assertEquals(modern.wanted, [true, true]);
  assertEquals(
    (modern.files as { bytes_completed: number }[])[0]!.bytes_completed,
    0,
  );
  assertEquals("x" in modern, false);
});

Deno.test("rpc - torrents as a table, by id, hash, list or all", async () => {
  await using world = await RpcWorld.open();
  const a = await world.add("a");
  const b = await world.add("b");
  const { hash_string: hash } = await world.get(b, "hash_string");
  const ask = async (params: Record<string, unknown>) =>
    (await world.call("torrent_get", {
      fields: ["id", "name"],
      format: "table",
      ...params,
    })).torrents;
  const head = ["id", "name"];
  assertEquals(await ask({}), [head, [a, "a"], [b, "b"]]);
  assertEquals(await ask({ ids: b }), [head, [b, "b"]]);
  assertEquals(await ask({ ids: [hash, b, 99, "x", {}, null] }), [
    head,
    [b, "b"],
  ]);
  assertEquals(await ask({ ids: [] }), [head]);
  assertEquals(await ask({ ids: "ff".repeat(20) }), [head]);
  await assertRejects(
    () => world.call("torrent_get", {}),
    Error,
    "no fields specified",
  );
  await assertRejects(() => world.call("torrent_get", { fields: ["nix"] }));
  const plain = await world.call("torrent_get", { fields: ["id"], ids: [] });
  assertEquals(plain, { torrents: [] });
});

Deno.test("rpc - recently active torrents, and those that are gone", async () => {
  await using world = await RpcWorld.open();
  const a = await world.add("a");
  const b = await world.add("b");
  await Promise.all([world.checked(a), world.checked(b)]);
  const ask = async () => {
    const { torrents, removed } = await world.call("torrent_get", {
      ids: "recently_active",
      fields: ["id"],
    });
    return [(torrents as { id: number }[]).map(({ id }) => id), removed];
  };
  assertEquals(await ask(), [[a, b], []]);
  world.ahead = 120_000;
  assertEquals(await ask(), [[], []]);
  await world.call("torrent_set", { ids: b, labels: ["x"] });
  assertEquals(await ask(), [[b], []]);
  await world.call("torrent_remove", { ids: [a] });
  assertEquals(await ask(), [[b], [a]]);
  world.ahead = 240_000;
  assertEquals(await ask(), [[], []]);
});

Deno.test("rpc - adding: content, links, duplicates, junk", async () => {
  const bytes = await twoFiles("fetched");
  await using world = await RpcWorld.open({
    fetchTorrent: (url) =>
      url.endsWith("/good")
        ? Promise.resolve(bytes)
        : Promise.reject(new Error("nothing there")),
  });
  const add = (params: Record<string, unknown>) =>
    world.call("torrent_add", { paused: true, ...params });
  const id = await world.add("one", {
    labels: [" a ", "b", "a"],
    priority_high: [1],
    files_unwanted: [0],
    bandwidth_priority: 1,
    sequential_download: true,
    download_dir: world.dir.join("sub"),
  });
  assertEquals(
    await world.get(
      id,
      "labels",
      "bandwidth_priority",
      "sequential_download",
      "download_dir",
      "status",
      "priorities",
      "wanted",
    ),
    {
      labels: ["a", "b"],
      bandwidth_priority: 1,
      sequential_download: true,
      download_dir: world.dir.join("sub"),
      status: 0,
      priorities: [0, 1],
      wanted: [false, true],
    },
  );
  const again = await add({ metainfo: (await twoFiles("one")).toBase64() });
  assertEquals(again, {
    torrent_duplicate: {
      hash_string: (await world.get(id, "hash_string")).hash_string,
      id,
      name: "one",
    },
  });
  const magnet = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=named`;
  const linked = (await add({ filename: magnet })).torrent_added;
  assertEquals((linked as { name: string }).name, "named");
  assert("torrent_duplicate" in await add({ filename: "AB".repeat(20) }));
  const fetched = await add({ filename: "http://x.example/good" });
  assertEquals(
    (fetched.torrent_added as { name: string }).name,
    "fetched",
  );
  const rows: [Record<string, unknown>, number, string][] = [
    [{}, -32602, "no filename or metainfo specified"],
    [{ metainfo: "!" }, 4, "unrecognized info"],
    [{ metainfo: "AAAA" }, 4, "unrecognized info"],
    [{ filename: "magnet:?x" }, 4, "unrecognized info"],
    [{ filename: "nonsense" }, 4, "unrecognized info"],
    [{ filename: "http://x.example/bad" }, 8, "nothing there"],
    [{ filename: magnet, download_dir: "rel" }, 3, "not absolute"],
    [{ filename: magnet, download_dir: "" }, 3, "not absolute"],
    [{ filename: magnet, labels: [" "] }, -32602, "labels cannot be empty"],
    [{ filename: magnet, labels: ["a,b"] }, -32602, "comma"],
    [{ filename: magnet, files_unwanted: [-1] }, 6, "file index out of range"],
    [
      { filename: magnet, files_unwanted: [200_000] },
      6,
      "file index out of range",
    ],
  ];
  for (const [params, code, message] of rows) {
    const error = await assertRejects(() => add(params), Error, message);
    assertEquals((error as Error & { code: number }).code, code);
  }
});

Deno.test("rpc - torrent files are read below allowed folders only", async () => {
  await using other = await RpcWorld.open();
  const inside = other.dir.join("in");
  await Deno.mkdir(inside);
  await Deno.writeFile(other.dir.join("in/a.torrent"), await twoFiles("a"));
  await Deno.writeFile(other.dir.join("b.torrent"), await twoFiles("b"));
  await Deno.symlink(
    other.dir.join("b.torrent"),
    other.dir.join("in/link.torrent"),
  );
  await using world = await RpcWorld.open({}, { torrentDirs: [inside] });
  const add = (filename: string) =>
    world.call("torrent_add", { filename, paused: true });
  const { torrent_added: added } = await add(`${inside}/a.torrent`);
  assertEquals((added as { name: string }).name, "a");
  for (
    const path of [
      `${inside}/../b.torrent`,
      `${inside}/link.torrent`,
      other.dir.join("b.torrent"),
      `${inside}/missing`,
      inside,
    ]
  ) {
    await assertRejects(() => add(path), Error, "torrent files here are not");
  }
  await assertRejects(
    () => add("in/a.torrent"),
    Error,
    "unrecognized info",
  );
  await assertRejects(
    () => other.call("torrent_add", { filename: `${inside}/a.torrent` }),
    Error,
    "torrent files here are not read",
  );
});

Deno.test("rpc - what may be chosen of a torrent", async () => {
  await using world = await RpcWorld.open();
  const id = await world.add();
  const fields = {
    bandwidth_priority: -1,
    download_limit: 77,
    download_limited: true,
    upload_limit: 66,
    upload_limited: true,
    group: "g",
    honors_session_limits: false,
    labels: ["x"],
    seed_idle_limit: 9,
    seed_idle_mode: 2,
    seed_ratio_limit: 1.25,
    seed_ratio_mode: 1,
    sequential_download: true,
  };
  await world.call("torrent_set", { ids: [id], ...fields, unknown: 1 });
  assertEquals(await world.get(id, ...Object.keys(fields)), fields);
  const { record } = world.daemon.get(id)!;
  assertEquals(record.downloadLimit, { enabled: true, value: 77_000 });
  // What makes no sense changes nothing.
  await assertRejects(
    () => world.call("torrent_set", { ids: id, group: "h", files_wanted: [2] }),
    Error,
    "file index",
  );
  await assertRejects(
    () => world.call("torrent_set", { ids: id, group: "h", labels: [""] }),
  );
  await world.call("torrent_set", {
    ids: id,
    bandwidth_priority: 7,
    seed_ratio_mode: 9,
    download_limit: -5,
  });
  assertEquals(
    await world.get(
      id,
      "group",
      "bandwidth_priority",
      "seed_ratio_mode",
      "download_limit",
    ),
    {
      group: "g",
      bandwidth_priority: -1,
      seed_ratio_mode: 1,
      download_limit: 0,
    },
  );
});

Deno.test("rpc - files: a priority outlives being left out", async () => {
  await using world = await RpcWorld.open();
  const id = await world.add();
  const set = (params: Record<string, unknown>) =>
    world.call("torrent_set", { ids: id, ...params });
  const get = () => world.get(id, "wanted", "priorities");
  // Also while the files are being checked.
  await set({ priority_high: [0], priority_low: [1], files_unwanted: [1] });
  const chosen = { wanted: [true, false], priorities: [1, -1] };
  assertEquals(await get(), chosen);
  await world.checked(id);
  await set({});
  assertEquals(await get(), chosen);
  await set({ files_wanted: [1] });
  assertEquals(await get(), { wanted: [true, true], priorities: [1, -1] });
  await set({ priority_normal: [] });
  assertEquals(await get(), { wanted: [true, true], priorities: [0, 0] });
  await set({ files_unwanted: [] });
  assertEquals(await get(), { wanted: [false, false], priorities: [0, 0] });
  await set({ files_wanted: [0] });
  const { torrent } = world.daemon.get(id)!;
  assertEquals(torrent.files.map(({ priority }) => priority), [4, 0]);
  assertEquals(await world.get(id, "size_when_done", "left_until_done"), {
    size_when_done: torrent.stats().wantedBytes,
    left_until_done: torrent.stats().wantedBytes,
  });
});

Deno.test("rpc - trackers keep their numbers", async () => {
  await using world = await RpcWorld.open({
    session: { listen: false, dht: false, lpd: false, portMap: false },
  });
  const id = await world.add();
  const set = (params: Record<string, unknown>) =>
    world.call("torrent_set", { ids: id, ...params });
  const get = async () =>
    ((await world.get(id, "trackers")).trackers as {
      announce: string;
      id: number;
      tier: number;
    }[]).map(({ announce, id, tier }) => `${id} ${tier} ${announce}`);
  const [x, y, z] = ["x", "y", "z"].map((host) => `udp://${host}.test:1`);
  await set({ tracker_add: [x, y, x, "nonsense"] });
  assertEquals(await get(), [
    "0 0 http://127.0.0.1:9/announce",
    `1 1 ${x}`,
    `2 2 ${y}`,
  ]);
  await set({ tracker_remove: [0] });
  assertEquals(await get(), [`1 0 ${x}`, `2 1 ${y}`]);
  await set({ tracker_replace: [2, z, 1, "nonsense"] });
  assertEquals(await get(), [`1 0 ${x}`, `3 1 ${z}`]);
  await set({ tracker_list: `${y}\n${x}\n\n${z}\n` });
  assertEquals(await get(), [`1 0 ${x}`, `2 0 ${y}`, `3 1 ${z}`]);
  assertEquals(
    (await world.get(id, "tracker_list")).tracker_list,
    [
      `${x}\n${y}\n\n${z}\n`,
    ][0],
  );
  for (
    const params of [
      { tracker_remove: [9] },
      { tracker_add: [x] },
      { tracker_replace: [9, y] },
    ]
  ) {
    const error = await assertRejects(() => set(params));
    assertEquals((error as Error & { code: number }).code, 1);
  }
  const many = Array.from({ length: 1001 }, (_, i) => `udp://x.test:1/${i}`);
  for (
    const params of [
      { tracker_list: "nonsense" },
      { tracker_list: many.join("\n") },
      { tracker_add: many },
      { tracker_replace: many.flatMap((url, i) => [i, url]) },
    ]
  ) {
    const error = await assertRejects(() => set(params));
    assertEquals((error as Error & { code: number }).code, 2);
  }
  await set({ tracker_list: "" });
  assertEquals(await get(), []);
});

Deno.test("rpc - the queue, starting and stopping", async () => {
  await using world = await RpcWorld.open();
  const ids = [
    await world.add("a"),
    await world.add("b"),
    await world.add("c"),
  ];
  const [a, b, c] = ids;
  await Promise.all(ids.map((id) => world.checked(id)));
  const order = async () => {
    const { torrents } = await world.call("torrent_get", {
      fields: ["id", "queue_position"],
    });
    return (torrents as { id: number; queue_position: number }[])
      .toSorted((x, y) => x.queue_position - y.queue_position)
      .map(({ id }) => id);
  };
  await world.call("queue_move_top", { ids: [c] });
  assertEquals(await order(), [c, a, b]);
  await world.call("queue_move_down", { ids: [c] });
  assertEquals(await order(), [a, c, b]);
  await world.call("queue_move_up", { ids: [b] });
  assertEquals(await order(), [a, b, c]);
  await world.call("queue_move_bottom", { ids: [a] });
  assertEquals(await order(), [b, c, a]);
  await world.call("torrent_set", { ids: a, queue_position: 1 });
  assertEquals(await order(), [b, a, c]);
  await world.call("session_set", {
    download_queue_enabled: true,
    download_queue_size: 1,
  });
  const status = () =>
    Promise.all(ids.map(async (id) => (await world.get(id, "status")).status));
  await world.call("torrent_start");
  assertEquals(await status(), [3, 4, 3]);
  await world.call("torrent_start_now", { ids: c });
  assertEquals(await status(), [3, 4, 4]);
  await world.call("torrent_stop", { ids: [b, c] });
  assertEquals(await status(), [4, 0, 0]);
  await world.call("torrent_reannounce", { ids: a });
  await world.call("torrent_verify", { ids: a });
});

Deno.test("rpc - moving, renaming, removing with the files", async () => {
  await using world = await RpcWorld.open();
  await Deno.mkdir(world.dir.join("top"));
  for (
    const [name, size, fill] of [["a.txt", 40_000, 1], ["b.mkv", 60_000, 2]]
  ) {
    await Deno.writeFile(
      world.dir.join(`top/${name}`),
      new Uint8Array(Number(size)).fill(Number(fill)),
    );
  }
  const id = await world.add();
  await world.checked(id);
  assertEquals(
    await world.get(
      id,
      "percent_done",
      "have_valid",
      "pieces",
      "left_until_done",
      "upload_ratio",
      "primary_mime_type",
    ),
    {
      percent_done: 1,
      have_valid: 100_000,
      pieces: "/g==",
      left_until_done: 0,
      upload_ratio: 0,
      primary_mime_type: "video/x-matroska",
    },
  );
  await world.call("torrent_set_location", {
    ids: id,
    location: world.dir.join("new"),
    move: true,
  });
  assertEquals((await Deno.stat(world.dir.join("new/top/a.txt"))).size, 40_000);
  assertEquals(
    await world.call("torrent_rename_path", {
      ids: [id],
      path: "top/a.txt",
      name: "c.txt",
    }),
    { id, name: "c.txt", path: "top/a.txt" },
  );
  assertEquals((await Deno.stat(world.dir.join("new/top/c.txt"))).size, 40_000);
  const failures: [Record<string, unknown>, string, string][] = [
    [{ ids: id, path: "nix", name: "x" }, "torrent_rename_path", "nix"],
    [{ ids: id, path: "top", name: "../x" }, "torrent_rename_path", "../x"],
    [{ path: "top", name: "x", ids: [] }, "torrent_rename_path", "requires 1"],
    [{ ids: id }, "torrent_set_location", "no location"],
    [{ ids: id, location: "x" }, "torrent_set_location", "not absolute"],
  ];
  for (const [params, method, message] of failures) {
    await assertRejects(() => world.call(method, params), Error, message);
  }
  await world.call("torrent_remove", { ids: id, delete_local_data: true });
  await assertRejects(() => Deno.stat(world.dir.join("new/top")));
  assertEquals(world.daemon.torrents.length, 0);
});

Deno.test("rpc - calls of a batch, notifications, and what is no method", async () => {
  await using world = await RpcWorld.open();
  const answer = await world.service.answer(JSON.stringify([
    { jsonrpc: "2.0", method: "session_stats", id: 1 },
    { jsonrpc: "2.0", method: "session_set", params: { dht_enabled: false } },
    { jsonrpc: "2.0", method: "nix", id: 2 },
    5,
  ])) as { id: unknown; error?: { code: number } }[];
  assertEquals(answer.map(({ id, error }) => [id, error?.code]), [
    [1, undefined],
    [2, -32601],
    [null, -32600],
  ]);
  assertEquals(world.daemon.settings.dht, false);
  const silent = '{"jsonrpc":"2.0","method":"session_close"}';
  assertEquals(await world.service.answer(silent), undefined);
  await Promise.resolve();
  assertEquals(world.shutdowns, 1);
  assertEquals(await world.service.answer(`[${silent}]`), undefined);
});

Deno.test("rpc - nobody waits for a torrent that is fetched", async () => {
  const fetching = Promise.withResolvers<Uint8Array>();
  await using world = await RpcWorld.open({
    fetchTorrent: () => fetching.promise,
  });
  const adding = world.call("torrent_add", { filename: "http://x.example/" });
  await world.call("session_set", { dht_enabled: false });
  assertEquals(world.daemon.settings.dht, false);
  fetching.resolve(await twoFiles("fetched"));
  assertEquals(
    ((await adding).torrent_added as { name: string }).name,
    "fetched",
  );
});

Deno.test("rpc - after the end nothing is changed", async () => {
  await using world = await RpcWorld.open();
  await world.daemon.close();
  await assertRejects(() => world.add(), Error, "closed");
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { testPort } from "../../../daemon/rpc/session_calls.ts";
import type { Session } from "../../../client/mod.ts";
import { IpSet } from "../../../handshake/ip_set.ts";
import { RpcWorld } from "./rpc_world.ts";

Deno.test("rpc - settings are changed one by one, and told by name", async () => {
  await using world = await RpcWorld.open();
  const settings = {
    alt_speed_down: 11,
    alt_speed_enabled: true,
    alt_speed_time_begin: 60,
    alt_speed_time_day: 65,
    alt_speed_time_enabled: true,
    alt_speed_time_end: 120,
    alt_speed_up: 12,
    blocklist_enabled: true,
    blocklist_url: "http://lists.example/a",
    default_trackers: "udp://a.test:1\n\nudp://b.test:2",
    dht_enabled: false,
    download_dir: world.dir.join("else"),
    download_queue_enabled: true,
    download_queue_size: 7,
    encryption: "required",
    idle_seeding_limit: 8,
    idle_seeding_limit_enabled: true,
    lpd_enabled: false,
    peer_limit_global: 99,
    peer_limit_per_torrent: 55,
    pex_enabled: false,
    port_forwarding_enabled: false,
    queue_stalled_enabled: false,
    queue_stalled_minutes: 13,
    seed_queue_enabled: true,
    seed_queue_size: 14,
    seed_ratio_limit: 1.5,
    seed_ratio_limited: true,
    speed_limit_down: 15,
    speed_limit_down_enabled: true,
    speed_limit_up: 16,
    speed_limit_up_enabled: true,
    start_added_torrents: false,
    utp_enabled: false,
  };
  for (const [name, value] of Object.entries(settings)) {
    await world.call("session_set", { [name]: value });
  }
  const fields = Object.keys(settings);
  assertEquals(await world.call("session_get", { fields }), settings);
  assertEquals(world.daemon.settings.altSpeed, {
    enabled: true,
    download: 11_000,
    upload: 12_000,
    schedule: { enabled: true, beginMinute: 60, endMinute: 120, days: 65 },
  });
  // Clients that send everything back change nothing.
  const before = world.daemon.settings;
  await world.call("session_set", await world.call("session_get"));
  assertEquals(world.daemon.settings, before);
});

Deno.test("rpc - settings of the older dialect", async () => {
  await using world = await RpcWorld.open();
  const { arguments: all } = await world.legacy("session-get");
  const settings = all as Record<string, unknown>;
  assertEquals(settings["rpc-version"], 19);
  assertEquals(settings["session-id"], "sid");
  assertEquals(settings["seedRatioLimit"], 2);
  assertEquals(settings["version"], "4.1.1 (test)");
  assertEquals(settings["config-dir"], "/config");
  assertEquals(
    (settings.units as Record<string, unknown>)["speed-bytes"],
    1000,
  );
  await world.legacy("session-set", { encryption: "tolerated" });
  const { arguments: one } = await world.legacy("session-get", {
    fields: ["encryption", "download-dir-free-space"],
  });
  const { encryption, ...free } = one as Record<string, unknown>;
  assertEquals(encryption, "tolerated");
  assert(Number(free["download-dir-free-space"]) > 0);
  assertEquals(await world.call("session_get", { fields: ["encryption"] }), {
    encryption: "allowed",
  });
  // What is asked for in vain is passed over, and all is told if nothing is left.
  const fields = ["nonsense", "encryption"];
  assertEquals(Object.keys(await world.call("session_get", { fields })), [
    "encryption",
  ]);
  const none = await world.call("session_get", { fields: ["nonsense"] });
  assertEquals(
    Object.keys(none),
    Object.keys(await world.call("session_get", { fields: [] })),
  );
});

Deno.test("rpc - settings that make no sense, or are not for remotes", async () => {
  await using world = await RpcWorld.open({
    settings: { encryption: "require-rc4" },
  });
  const before = world.daemon.settings;
  const rows: [Record<string, unknown>, number][] = [
    [{ encryption: "x" }, -32602],
    [{ download_dir: "rel" }, 3],
    [{ incomplete_dir: "rel" }, 3],
    [{ peer_port: 65536 }, -32602],
    [{ blocklist_url: "file:///etc/passwd" }, -32602],
    [{ script_torrent_done_enabled: true }, -32602],
    [{ script_torrent_done_filename: "/bin/sh" }, -32602],
    [{ script_torrent_added_filename: "/bin/sh" }, -32602],
    [{ preferred_transports: ["x"] }, -32602],
    [{ preferred_transports: ["tcp", "tcp"] }, -32602],
    [{ peer_limit_global: 0 }, -32602],
    [{ dht_enabled: false, alt_speed_time_begin: 5000 }, -32602],
  ];
  for (const [params, code] of rows) {
    const error = await assertRejects(() => world.call("session_set", params));
    assertEquals((error as Error & { code: number }).code, code);
  }
  assertEquals(world.daemon.settings, before);
  await world.call("session_set", {
    rpc_version: 3,
    encryption: "required",
    incomplete_dir: "",
    incomplete_dir_enabled: false,
  });
  assertEquals(world.daemon.settings, before);
});

Deno.test("rpc - folders, transports and ports that have two names", async () => {
  await using world = await RpcWorld.open();
  const set = (params: Record<string, unknown>) =>
    world.call("session_set", params);
  const { settings } = world.daemon;
  await set({ incomplete_dir_enabled: true });
  assertEquals(world.daemon.settings.incompleteDir, settings.downloadDir);
  await set({ incomplete_dir: world.dir.join("part") });
  assertEquals(world.daemon.settings.incompleteDir, world.dir.join("part"));
  await set({ incomplete_dir_enabled: false });
  // In the order in which Transmission's own remote has them.
  await set({
    incomplete_dir: world.dir.join("p"),
    incomplete_dir_enabled: true,
  });
  assertEquals(world.daemon.settings.incompleteDir, world.dir.join("p"));
  await set({ incomplete_dir_enabled: false });
  assertEquals(world.daemon.settings.useIncompleteDir, false);
  const utp: unknown[] = [];
  const fields = ["preferred_transports"];
  for (const list of [["utp", "tcp"], ["tcp", "utp"], ["tcp"]]) {
    await set({ preferred_transports: list });
    assertEquals(await world.call("session_get", { fields }), {
      preferred_transports: list,
    });
    utp.push(world.daemon.settings.utp);
  }
  assertEquals(utp, ["both", "accept", "off"]);
  await set({ utp_enabled: true });
  assertEquals(world.daemon.settings.utp, "accept");
  await set({ peer_port_random_on_start: true });
  assertEquals(world.daemon.settings.port, 0);
  await set({ peer_port_random_on_start: false });
  assertEquals(world.daemon.settings.port, 6881);
  await set({ peer_port: 1234 });
  assertEquals(world.daemon.settings.port, 1234);
});

Deno.test("rpc - groups share limits", async () => {
  await using world = await RpcWorld.open();
  await assertRejects(
    () => world.call("group_set", { name: " " }),
    Error,
    "No group name given",
  );
  await world.call("group_set", { name: "a" });
  await world.call("group_set", {
    name: "b",
    speed_limit_down: 5,
    speed_limit_down_enabled: true,
    honors_session_limits: false,
  });
  await world.call("group_set", { name: "b", speed_limit_up: 6 });
  const b = {
    honors_session_limits: false,
    name: "b",
    speed_limit_down: 5,
    speed_limit_down_enabled: true,
    speed_limit_up: 6,
    speed_limit_up_enabled: false,
  };
  assertEquals(await world.call("group_get", { name: ["b", "x"] }), {
    group: [b],
  });
  assertEquals(await world.call("group_get", { name: "b" }), { group: [b] });
  // A torrent's group is one, although nothing else is known of it.
  const id = await world.add();
  await world.call("torrent_set", { ids: id, group: " of a torrent " });
  assertEquals((await world.get(id, "group")).group, "of a torrent");
  await world.call("torrent_set", { ids: id, group: "b" });
  await world.call("torrent_set", { ids: id, group: "" });
  const { group } = await world.call("group_get");
  assertEquals((group as { name: string }[]).map(({ name }) => name), [
    "a",
    "b",
    "of a torrent",
  ]);
});

Deno.test("rpc - room, figures and block lists", async () => {
  const list = new IpSet(["10.0.0.0/24"]);
  let lists = 0;
  await using world = await RpcWorld.open({
    loadBlocklist: ([url]) =>
      url!.endsWith("a")
        ? Promise.reject(new Error("no such list"))
        : Promise.resolve((lists++, list)),
  });
  const space = await world.call("free_space", { path: world.dir.path });
  assertEquals(space.path, world.dir.path);
  assert(Number(space.size_bytes) > 0);
  assert(Number(space.total_size) >= Number(space.size_bytes));
  const path = `${world.dir.path}/not/there`;
  const nowhere = await world.legacy("free-space", { path });
  assertEquals([nowhere.result, nowhere.arguments], [
    "No such file or directory",
    { path, "size-bytes": -1, totalSize: -1 },
  ]);
  await assertRejects(() => world.call("free_space"), Error, "is missing");
  await assertRejects(
    () => world.call("free_space", { path: "x" }),
    Error,
    "not absolute",
  );
  await world.add();
  const stats = await world.call("session_stats");
  const { current_stats: current, cumulative_stats: all, ...counts } = stats;
  assertEquals(counts, {
    active_torrent_count: 0,
    download_speed: 0,
    paused_torrent_count: 1,
    torrent_count: 1,
    upload_speed: 0,
  });
  assertEquals((current as { files_added: number }).files_added, 1);
  assertEquals((all as { session_count: number }).session_count, 1);
  const update = () => world.call("blocklist_update");
  await assertRejects(update, Error, "there is no blocklist_url");
  // Whether it counts or not.
  const { session } = world.daemon;
  for (const blocklist_enabled of [false, true]) {
    await world.call("session_set", {
      blocklist_enabled,
      blocklist_url: "http://lists.example/a",
    });
    await assertRejects(
      update,
      Error,
      "Couldn't fetch blocklist: no such list",
    );
  }
  await world.call("session_set", {
    blocklist_enabled: false,
    blocklist_url: "http://lists.example/b",
  });
  assertEquals(await update(), { blocklist_size: 1 });
  assertEquals([session.blocklist, lists], [undefined, 1]);
  await world.call("session_set", { blocklist_enabled: true });
  assertEquals([session.blocklist, lists], [list, 1]);
  await world.call("session_set", { blocklist_enabled: false });
  assertEquals(session.blocklist, undefined);
});

Deno.test("rpc - room outside of allowed folders is nobody's business", async () => {
  await using other = await RpcWorld.open();
  await using world = await RpcWorld.open({
    allowedDirs: [other.dir.path],
    dir: other.dir.path,
  });
  await world.call("free_space", { path: other.dir.path });
  const error = await assertRejects(
    () => world.call("free_space", { path: "/" }),
    Error,
    "not below a folder",
  );
  assertEquals((error as Error & { code: number }).code, 5);
  await assertRejects(() => world.add("x", { download_dir: "/etc" }));
  await assertRejects(
    () => world.call("session_set", { download_dir: "/etc" }),
  );
});

Deno.test("rpc - a port is open if somebody came in, or the gateway says so", () => {
  const session = (
    peers: { direction: string; hostname: string }[],
    mappings: { protocol: string; externalAddress?: string }[] = [],
  ) => ({
    torrents: [{
      peers: () =>
        peers.map(({ direction, hostname }) => ({
          direction,
          address: { hostname, port: 1 },
        })),
    }],
    portMapper: { mappings: () => mappings },
  } as unknown as Session);
  const test = (one: Session, ip_protocol?: string) =>
    testPort(one, ip_protocol === undefined ? {} : { ip_protocol });
  assertEquals(test(session([])), { port_is_open: false });
  const came = { direction: "inbound", hostname: "1.2.3.4" };
  assertEquals(test(session([came])), { port_is_open: true });
  assertEquals(test(session([came]), "ipv4"), {
    port_is_open: true,
    ip_protocol: "ipv4",
  });
  assertEquals(test(session([came]), "ipv6").port_is_open, false);
  const other = { direction: "inbound", hostname: "2a00::1" };
  assertEquals(test(session([other])).port_is_open, true);
  assertEquals(test(session([other]), "ipv6").port_is_open, true);
  assertEquals(test(session([other]), "ipv4").port_is_open, false);
  for (
    const peer of [
      { direction: "outbound", hostname: "1.2.3.4" },
      { direction: "inbound", hostname: "127.0.0.1" },
      { direction: "inbound", hostname: "192.168.1.1" },
    ]
  ) assertEquals(test(session([peer])).port_is_open, false);
  const tcp = { protocol: "tcp", externalAddress: "1.2.3.4" };
  assertEquals(test(session([], [tcp])).port_is_open, true);
  for (
    const mapping of [
      { ...tcp, protocol: "udp" },
      { ...tcp, externalAddress: "10.0.0.1" },
      { protocol: "tcp" },
    ]
  ) assertEquals(test(session([], [mapping])).port_is_open, false);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMetainfo } from "../../../metainfo/create.ts";
import { Login } from "../../../daemon/http/password.ts";
import { bipArguments } from "../../support/bip_command.ts";
import { FakeDaemon, runBip } from "../../support/fake_daemon.ts";
import { TempDir } from "../../support/paths.ts";
import { AUTHORITY, SERVER } from "../../support/tls.ts";

const TORRENT = {
  id: 3,
  hash_string: "ab".repeat(20),
  name: "name\x1b[2J",
  status: 4,
  error: 0,
  percent_done: 0.129,
  metadata_percent_complete: 1,
  size_when_done: 2048,
  eta: 90,
  rate_download: 1024,
  rate_upload: 0,
  upload_ratio: 0.5,
  labels: ["a"],
  download_dir: "/dl",
  downloaded_ever: 1024,
  download_limited: true,
  download_limit: 7,
  files: [{ name: "top/a", length: 10 }, { name: "top/b", length: 0 }],
  file_stats: [
    { bytes_completed: 5, wanted: true, priority: 1 },
    { bytes_completed: 0, wanted: false, priority: 0 },
  ],
  tracker_stats: [{ host: "t.example", last_announce_result: "Success" }],
  peers: [{ address: "192.0.2.1", progress: 1, client_name: "x" }],
};

/** Those that are asked for. */
function torrentsOf({ ids }: { readonly ids?: unknown }) {
  const list = Array.isArray(ids) ? ids : [TORRENT.id];
  return list.map((id) =>
    typeof id === "string"
      ? { ...TORRENT, hash_string: id }
      : { ...TORRENT, id }
  );
}

Deno.test("bip remote - calls what it is told to", async () => {
  await using daemon = new FakeDaemon((method, params) =>
    method === "torrent_get" ? { torrents: torrentsOf(params) } : {}
  );
  const hash = "AB".repeat(20);
  const rows: [string[], Record<string, unknown>][] = [
    [["start", "all"], { method: "torrent_start" }],
    [["start-now", "1,3-5"], {
      method: "torrent_start_now",
      ids: [1, 3, 4, 5],
    }],
    [["stop", "1", "2", "1"], { method: "torrent_stop", ids: [1, 2] }],
    [["verify", hash], { method: "torrent_verify", ids: [hash.toLowerCase()] }],
    [["reannounce", "active"], {
      method: "torrent_reannounce",
      ids: "recently_active",
    }],
    [["remove", "1"], {
      method: "torrent_remove",
      ids: [1],
      delete_local_data: false,
    }],
    [["remove", "1", "--delete-files"], {
      method: "torrent_remove",
      ids: [1],
      delete_local_data: true,
    }],
    [["limit", "1", "--down", "50KB", "--up", "0"], {
      method: "torrent_set",
      ids: [1],
      download_limit: 50,
      download_limited: true,
      upload_limited: false,
    }],
    [["limit", "1", "--ratio", "none"], {
      method: "torrent_set",
      ids: [1],
      seed_ratio_mode: 2,
    }],
    [["limit", "all", "--ratio", "1.5"], {
      method: "torrent_set",
      seed_ratio_limit: 1.5,
      seed_ratio_mode: 1,
    }],
    [["limit", "--down", "1", "--ratio", "2"], {
      method: "session_set",
      speed_limit_down: 1,
      speed_limit_down_enabled: true,
      seed_ratio_limit: 2,
      seed_ratio_limited: true,
    }],
    [["limit", "--ratio", "none"], {
      method: "session_set",
      seed_ratio_limited: false,
    }],
    [["move", "1", "2", "/new"], {
      method: "torrent_set_location",
      ids: [1, 2],
      location: "/new",
      move: true,
    }],
    [["move", "all", "/new", "--find"], {
      method: "torrent_set_location",
      location: "/new",
      move: false,
    }],
    [["rename", "1", "a/b", "c"], {
      method: "torrent_rename_path",
      ids: [1],
      path: "a/b",
      name: "c",
    }],
    [["queue", "top", "1"], { method: "queue_move_top", ids: [1] }],
    [["label", "1", "--label", "a", "--label", "b"], {
      method: "torrent_set",
      ids: [1],
      labels: ["a", "b"],
    }],
    [["shutdown"], { method: "session_close" }],
    [[
      "add",
      ` "magnet:?xt=urn:btih:${hash}&amp;dn=a"`,
      "--dir",
      "/d",
      "--paused",
      "--label",
      "a",
    ], {
      method: "torrent_add",
      filename: `magnet:?xt=urn:btih:${hash}&dn=a`,
      download_dir: "/d",
      labels: ["a"],
      paused: true,
    }],
  ];
  for (const [words, call] of rows) {
    daemon.calls.length = 0;
    const { code, text } = await daemon.run("remote", ...words);
    // What was added is not told of here.
    if (words[0] !== "add") assertEquals(code, 0, text);
    assertEquals(daemon.calls.at(-1), call, words.join(" "));
  }
});

Deno.test("bip remote - a torrent that is not there is told, and nothing done", async () => {
  await using daemon = new FakeDaemon((method) =>
    method === "torrent_get" ? { torrents: [] } : {}
  );
  for (
    const words of [
      ["remove", "99"],
      ["start", "99"],
      ["move", "99", "/new"],
      ["queue", "top", "99"],
      ["rename", "99", "a", "b"],
    ]
  ) {
    const { code, text } = await daemon.run("remote", ...words);
    assertEquals(code, 2, words.join(" "));
    assertStringIncludes(text, "The daemon has no torrent 99");
  }
  const changes = daemon.calls.map(({ method }) => `${method}`)
    .filter((method) => !/^(torrent_get|session_stats)$/.test(method));
  assertEquals(changes, []);
});

Deno.test("bip remote - of several torrents none that is named may be missing", async () => {
  await using daemon = new FakeDaemon((method) =>
    method === "torrent_get" ? { torrents: [TORRENT] } : {}
  );
  const rows: [string[], string | undefined][] = [
    [["stop", "3", "99", "98", "97", "96"], "99, 98, 97, ..."],
    [["show", "3,ff".padEnd(42, "f")], "f".repeat(40)],
    [["list", "3", "4"], "4"],
    // Gaps in a range are usual.
    [["stop", "1-5", "3"], undefined],
    [["list", TORRENT.hash_string.toUpperCase()], undefined],
  ];
  for (const [words, missing] of rows) {
    daemon.calls.length = 0;
    const { code, text } = await daemon.run("remote", ...words);
    assertEquals(code, missing === undefined ? 0 : 2, words.join(" "));
    if (missing === undefined) continue;
    assertEquals(text, `bip: error: The daemon has no torrent ${missing}`);
    assertEquals(daemon.calls.length, 1);
  }
});

Deno.test("bip remote - files and rename are about one torrent", async () => {
  await using daemon = new FakeDaemon(() => ({ torrents: [] }));
  for (const id of ["all", "active", "1-2", "1,2", "x"]) {
    for (const words of [["files", id], ["rename", id, "a", "b"]]) {
      const { code, text } = await daemon.run("remote", ...words);
      assertEquals(code, 2, text);
      assertStringIncludes(text, "bip remote list shows the ids");
    }
  }
  assertEquals(daemon.calls, []);
  const gone = await daemon.run("remote", "files", "7");
  assertEquals(gone.text, "bip: error: The daemon has no torrent 7");
});

Deno.test("bip remote - files of a torrent are named by number, path or glob", async () => {
  await using daemon = new FakeDaemon((method) =>
    method === "torrent_get" ? { torrents: [TORRENT] } : {}
  );
  const words = ["files", "3", "--skip", "1", "--want", "b", "--low", "*"];
  const { code, text } = await daemon.run("remote", ...words);
  assertEquals(code, 0, text);
  assertEquals(daemon.calls[1], {
    method: "torrent_set",
    ids: [3],
    files_unwanted: [0],
    files_wanted: [1],
    priority_low: [0, 1],
  });
  assertEquals(text.split("\n"), [
    "   1   50%  high          10 B  top/a",
    "   2  100%  skip           0 B  top/b",
  ]);
  const wrong = await daemon.run("remote", "files", "3", "--skip", "1-9");
  assertEquals(wrong.code, 2);
  assertEquals(
    wrong.text,
    "bip: error: --skip: there is no 1-9, only files 1 to 2",
  );
});

Deno.test("bip remote - shows torrents as they are, and harmless", async () => {
  await using daemon = new FakeDaemon(() => ({ torrents: [TORRENT] }));
  const list = await daemon.run("remote", "list");
  assertStringIncludes(list.text, " 3   12%  2.00 KiB  1m 30s  1.00 KiB/s");
  assertStringIncludes(list.text, "downloading  name\\x1b[2J");
  const show = await daemon.run("remote", "show", "3");
  for (
    const line of [
      "Labels   a",
      "Down     1.00 KiB, limit 7 kB/s",
      "Tracker  t.example: Success",
      "Peer     192.0.2.1 100% x",
    ]
  ) assertStringIncludes(show.text, line);
  const json = await daemon.run("remote", "list", "active", "--json");
  assertEquals(JSON.parse(json.text)[0].id, 3);
});

Deno.test("bip remote - a file goes along, a duplicate is told", async () => {
  await using daemon = new FakeDaemon(() => ({
    torrent_duplicate: { id: 1, name: "x", hash_string: "y" },
  }));
  await using dir = new TempDir();
  const torrent = await createMetainfo({
    inputs: [{ path: ["x"], bytes: new Uint8Array(9) }],
  });
  await Deno.writeFile(dir.join("a.torrent"), torrent);
  const { code, text } = await daemon.run(
    "remote",
    "add",
    dir.join("a.torrent"),
    `file://${dir.join("a.torrent")}`,
  );
  assertEquals(code, 0);
  assertEquals(text.split("\n"), Array(2).fill("1 x (it was there already)"));
  const added = { method: "torrent_add", metainfo: torrent.toBase64() };
  assertEquals(daemon.calls, [added, added]);
  const missing = await daemon.run("remote", "add", dir.join("b.torrent"));
  assertEquals(missing.code, 6);
  const bad = await daemon.run("remote", "add", "magnet:?xt=urn:btih:...");
  assertEquals(bad.code, 4);
  assertStringIncludes(bad.text, "40 hex digits or 32 base32 characters");
  assertEquals(daemon.calls.length, 2);
  // A file may hold a link; one that is no torrent is not sent.
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=x`;
  await Deno.writeTextFile(dir.join("x.magnet"), `${link}\n`);
  await daemon.run("remote", "add", dir.join("x.magnet"));
  assertEquals(daemon.calls.at(-1), {
    method: "torrent_add",
    filename: link,
  });
  await Deno.writeTextFile(dir.join("b.torrent"), "");
  const empty = await daemon.run("remote", "add", dir.join("b.torrent"));
  assertEquals(empty.code, 4);
  assertStringIncludes(empty.text, "is not a valid torrent: it is empty");
  // What was added before one that fails is told to scripts, too.
  const some = await daemon.run(
    "remote",
    "add",
    link,
    dir.join("no"),
    "--json",
  );
  assertEquals(some.code, 6);
  assertEquals(JSON.parse(some.text.split("\nbip:")[0]!).length, 1);
  const asked = daemon.calls.filter(({ method }) => method === "torrent_add");
  assertEquals(asked.length, 4);
});

Deno.test("bip remote - odd URLs and times", async () => {
  await using daemon = new FakeDaemon(() => ({ torrents: [] }));
  for (
    const words of [
      ["--url", `http://a%zz:b@${daemon.url}`],
      // Longer than what timers know.
      ["--url", daemon.url, "--timeout", "100d"],
    ]
  ) {
    const { code, text } = await runBip("remote", "list", ...words);
    assertEquals(code, 0, text);
  }
});

Deno.test("bip remote - settings and figures", async () => {
  await using daemon = new FakeDaemon((method) =>
    method === "session_get"
      ? { b: [1], a_b: 1, c: "x", d: true, session_id: "secret" }
      : method === "free_space"
      ? { path: "/", size_bytes: 1024, total_size: 2048 }
      : {
        torrent_count: 1,
        active_torrent_count: 0,
        download_speed: 0,
        upload_speed: 0,
        current_stats: {
          downloaded_bytes: 1,
          uploaded_bytes: 2,
          seconds_active: 3,
        },
        cumulative_stats: {
          downloaded_bytes: 1,
          uploaded_bytes: 2,
          seconds_active: 3,
        },
      }
  );
  const { text } = await daemon.run(
    "remote",
    "settings",
    "a-b=1",
    "c=text",
    "d=true",
  );
  assertEquals(text, 'Note: c is "x" now\na_b=1\nc="x"\nd=true');
  const one = await daemon.run("remote", "settings", "a-b", "c=7", "d");
  assertEquals(one.text, 'Note: c is "x" now\na_b=1\nc="x"\nd=true');
  assertEquals(daemon.calls.at(-2), { method: "session_set", c: "7" });
  const wrong = await daemon.run("remote", "settings", "d=yes");
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.text, "d must be a boolean, such as true");
  const all = await daemon.run("remote", "settings");
  assertEquals(all.text, 'a_b=1\nb=[1]\nc="x"\nd=true');
  assertEquals(daemon.calls[1], {
    method: "session_set",
    a_b: 1,
    c: "text",
    d: true,
  });
  assertEquals(
    (await daemon.run("remote", "free", "/")).text,
    "1.00 KiB free of 2.00 KiB",
  );
  const stats = await daemon.run("remote", "stats");
  assertStringIncludes(stats.text, "1 torrent, 0 active");
  assertStringIncludes(stats.text, "this run  1 B down, 2 B up, 3s");
});

Deno.test("bip remote - what goes wrong is one line and an exit code", async () => {
  await using daemon = new FakeDaemon((method) =>
    method === "torrent_get"
      ? { torrents: [] }
      : method === "torrent_start"
      ? new Error("no such thing")
      : {}
  );
  const rows: [string[], number, string][] = [
    [["list", "7"], 2, "The daemon has no torrent 7"],
    [["start", "all"], 2, "no such thing"],
    [["start", "x"], 2, "A torrent must be an id"],
    [["start", "5-2"], 2, "A torrent must be an id"],
    [["queue", "left", "1"], 2, "Expected top, up, down or bottom"],
    [["limit", "1"], 2, "Say what to limit"],
    [["settings", "=1"], 2, "NAME=VALUE"],
    [["settings", "x"], 2, 'The daemon has no setting "x"'],
    [["settings", "x-y=1"], 2, 'The daemon has no setting "x_y"'],
    [["stats", "--auth", "secret"], 2, "USER:PASSWORD"],
    [["strt", "1"], 2, 'Unknown verb "strt"'],
  ];
  for (const [words, code, text] of rows) {
    const result = await daemon.run("remote", ...words);
    assertEquals(result.code, code, result.text);
    assertStringIncludes(result.text, text);
    assert(!result.text.includes('"secret"'));
  }
  const gone = await runBip("remote", "stats", "--url", "http://127.0.0.1:9");
  assertEquals(gone.code, 5);
  assertStringIncludes(gone.text, "http://127.0.0.1:9 cannot be reached");
  assertEquals((await runBip("remote", "stats", "--url", "ftp://x")).code, 2);
});

Deno.test("bip remote - says what is wrong with a certificate", async () => {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    ...SERVER,
  }, () => new Response());
  await using dir = new TempDir();
  await Deno.writeTextFile(dir.join("junk"), "junk");
  const url = `https://127.0.0.1:${server.addr.port}`;
  const list = (...words: string[]) =>
    runBip("remote", "list", "--url", url, ...words);
  assertEquals(await list(), {
    code: 5,
    text:
      `bip: error: ${url} cannot be reached: its certificate is not trusted; --tls-ca FILE trusts it`,
  });
  const junk = await list("--tls-ca", dir.join("junk"));
  assertEquals(junk.code, 2);
  assertStringIncludes(junk.text, "is not a certificate (PEM)");
  await Deno.writeTextFile(dir.join("ca"), AUTHORITY);
  const trusted = await list("--tls-ca", dir.join("ca"));
  assertStringIncludes(trusted.text, "does not answer with JSON");
  // The other scheme.
  const plain = url.replace("https", "http");
  assertEquals(
    (await runBip("remote", "list", "--url", plain)).text,
    `bip: error: ${plain} cannot be reached: it does not speak HTTP, perhaps HTTPS`,
  );
  await server.shutdown();
  await using daemon = new FakeDaemon(() => ({}));
  const wrong = await runBip(
    "remote",
    "list",
    "--url",
    `https://${daemon.url}`,
  );
  assertStringIncludes(wrong.text, "it does not speak HTTPS, perhaps HTTP");
});

Deno.test("bip remote - the login may stand in a file", async () => {
  await using daemon = new FakeDaemon(() => ({ torrents: [] }));
  await using dir = new TempDir();
  await Deno.writeTextFile(dir.join("login"), "me:secret\n", { mode: 0o600 });
  await daemon.run("remote", "list", "--auth-file", dir.join("login"));
  assertEquals(
    daemon.headers[0]?.get("authorization"),
    `Basic ${btoa("me:secret")}`,
  );
});

Deno.test("bip remote - a password is hashed for the daemon's file", async () => {
  const hash = async (password: string) => {
    const process = new Deno.Command(Deno.execPath(), {
      args: bipArguments(["remote", "hash", "me"]),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stdin = process.stdin.getWriter();
    await stdin.write(new TextEncoder().encode(password));
    await stdin.close();
    const { code, stdout, stderr } = await process.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    return { code, line: text(stdout), problem: text(stderr) };
  };
  const { code, line, problem } = await hash("secret word\n");
  assertEquals(code, 0, problem);
  const login = new Login(line);
  assertEquals(await login.verify("me:secret word"), true);
  assertEquals(await login.verify("me:secret"), false);
  const empty = await hash("\n");
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.problem, "The password is empty");
  const colon = await runBip("remote", "hash", "a:b");
  assertEquals(colon.code, 2);
});

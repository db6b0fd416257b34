import { assert, assertEquals, assertRejects } from "@std/assert";
import { DaemonError } from "../../../daemon/error.ts";
import { newRecord } from "../../../daemon/state/record.ts";
import { StateFile } from "../../../daemon/state/state_file.ts";
import { TempDir } from "../../support/paths.ts";

const SAVED = {
  version: 1,
  infoHash: "ab".repeat(20),
  magnet: `magnet:?xt=urn:btih:${"ab".repeat(20)}`,
  paused: true,
  peers: [],
} as const;

function entry(hash: string, place = 0) {
  return {
    hash: hash.repeat(20),
    place,
    record: newRecord("/d", 1),
    saved: { ...SAVED, infoHash: hash.repeat(20) },
  };
}

async function refused(path: string): Promise<DaemonError> {
  return await assertRejects(() => StateFile.open(path), DaemonError);
}

Deno.test("what is kept is there when the file is opened again", async () => {
  await using dir = new TempDir();
  const path = dir.join("state");
  {
    using state = await StateFile.open(path);
    const torrent = new Uint8Array([1, 2, 3]);
    const id = state.add({
      ...entry("ab", 5),
      saved: { ...SAVED, torrent: torrent.toBase64() },
    });
    assertEquals(id, 1);
    assertEquals(state.add(entry("cd", 2)), 2);
    state.saveResume(2, new Uint8Array([9]));
    state.saveRecord(2, 3, { ...newRecord("/e", 2), labels: ["x"] });
    state.keep("dht", new Uint8Array([7]));
    state.keep("settings", "{}");
  }
  using state = await StateFile.open(path);
  const [second, first] = [...state.torrents()];
  assertEquals(first, {
    id: 1,
    hash: SAVED.infoHash,
    place: 5,
    record: newRecord("/d", 1),
    saved: { ...SAVED, torrent: "AQID" },
  });
  assert(second !== undefined && "saved" in second);
  assertEquals([second.id, second.place, second.saved.resumeData], [
    2,
    3,
    "CQ==",
  ]);
  assertEquals(second.record.labels, ["x"]);
  assertEquals(state.kept("dht"), new Uint8Array([7]));
  assertEquals(state.kept("settings"), "{}");
  assertEquals(state.kept("nothing"), undefined);
  // An id is not used again, and nothing of the torrent stays.
  state.remove(2);
  assertEquals(state.add(entry("ef")), 3);
  assertEquals([...state.torrents()].map(({ id }) => id), [3, 1]);
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  }
});

Deno.test("several changes are made at once, or none", async () => {
  using state = await StateFile.open(":memory:");
  let thrown: unknown;
  try {
    state.together(() => {
      state.add(entry("ab"));
      state.add(entry("ab"));
    });
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof DaemonError);
  assertEquals([...state.torrents()], []);
});

Deno.test("a file in use, of another kind, newer or damaged is refused and left alone", async () => {
  await using dir = new TempDir();
  const path = dir.join("state");
  {
    using _state = await StateFile.open(path);
    const error = await refused(path);
    assertEquals([error.code, error.message], [
      "locked",
      `${path} is in use by another daemon`,
    ]);
  }
  const { DatabaseSync } = await import("node:sqlite");
  const change = (sql: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  const unchanged = async (says: RegExp) => {
    const before = await Deno.readFile(path);
    const error = await refused(path);
    assertEquals(error.code, "bad-state");
    assert(says.test(error.message), error.message);
    assert(!error.message.includes("\n"));
    assertEquals(await Deno.readFile(path), before);
  };
  change("PRAGMA user_version = 2");
  await unchanged(
    /is of a newer version \(2, this is 1\), and was not touched$/,
  );
  change("PRAGMA user_version = 1; PRAGMA application_id = 5");
  await unchanged(/is not a state file of a daemon, and was not touched$/);
  await Deno.writeTextFile(path, "Dear diary, ".repeat(1000));
  await unchanged(/is not a state file of a daemon, and was not touched$/);
});

Deno.test("a file that is damaged anywhere in its tables is refused", async () => {
  await using dir = new TempDir();
  const path = dir.join("state");
  {
    using state = await StateFile.open(path);
    for (let i = 0; i < 99; i++) state.add(entry((i + 100).toString(16)));
  }
  const whole = await Deno.readFile(path);
  for (let page = 0; page < whole.length / 4096; page++) {
    const bytes = whole.slice();
    bytes.fill(0xff, page * 4096, page * 4096 + 200);
    await Deno.writeFile(path, bytes);
    const error = await refused(path);
    assertEquals(error.code, "bad-state");
    assertEquals(await Deno.readFile(path), bytes);
  }
});

Deno.test("a folder, or one that is not there, cannot be opened", async () => {
  await using dir = new TempDir();
  for (const path of [dir.join("none", "state"), dir.join(".")]) {
    assertEquals((await refused(path)).code, "io");
  }
});

Deno.test("a torrent that cannot be read is told of and stays", async () => {
  await using dir = new TempDir();
  const path = dir.join("state");
  {
    using state = await StateFile.open(path);
    state.add(entry("ab"));
    state.add(entry("cd", 1));
  }
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path);
  database.exec("UPDATE options SET saved = '{' WHERE id = 1");
  database.close();
  using state = await StateFile.open(path);
  const [bad, good] = [...state.torrents()];
  assert(bad !== undefined && "problem" in bad);
  assertEquals([bad.id, bad.hash], [1, "ab".repeat(20)]);
  assertEquals(good?.id, 2);
});

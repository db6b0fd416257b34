/** A state file with wrong bytes: refused as it is, or nothing of it is lost unseen. */
import { assert, assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import type { SavedTorrent } from "../../../client/mod.ts";
import { DaemonError } from "../../../daemon/error.ts";
import { newRecord } from "../../../daemon/state/record.ts";
import { StateFile } from "../../../daemon/state/state_file.ts";
import { TempDir } from "../../support/paths.ts";

const TORRENTS = 20;

async function makeState(path: string): Promise<Uint8Array> {
  using state = await StateFile.open(path);
  for (let i = 0; i < TORRENTS; i++) {
    const hash = `${i}`.padStart(40, "a");
    const saved: SavedTorrent = {
      version: 1,
      infoHash: hash,
      magnet: `magnet:?xt=urn:btih:${hash}`,
      paused: true,
      peers: [],
    };
    state.add({ hash, place: i, record: newRecord("/d", i), saved });
  }
  return await Deno.readFile(path);
}

Deno.test("a damaged state file is refused as it is, or each torrent is told of", async () => {
  await using dir = new TempDir();
  await makeState(dir.join("good"));
  const good = await Deno.readFile(dir.join("good"));
  const random = seededRandom(5);
  const outcomes = { refused: 0, read: 0, unread: 0 };
  for (let round = 0; round < 120; round++) {
    const bytes = good.slice();
    const at = randomInt(random, bytes.length);
    if (round % 4 === 0) bytes[at]! ^= 1 << randomInt(random, 8);
    else if (round % 4 === 1) bytes.fill(0, at, at + 4096);
    else {
      for (let i = 0; i < 16; i++) {
        bytes[randomInt(random, bytes.length)] = randomInt(random, 256);
      }
    }
    const damaged = round % 4 === 3 ? bytes.subarray(0, 1 + at) : bytes;
    const path = dir.join(`${round}`);
    await Deno.writeFile(path, damaged);
    let state: StateFile;
    try {
      state = await StateFile.open(path);
    } catch (error) {
      assert(error instanceof DaemonError, `${error}`);
      assertEquals(error.code, "bad-state");
      assertEquals(await Deno.readFile(path), damaged);
      outcomes.refused++;
      continue;
    }
    using _closing = state;
    const rows = [...state.torrents()];
    assertEquals(rows.length, TORRENTS);
    for (const row of rows) {
      if ("problem" in row) outcomes.unread++;
      else assertEquals(typeof row.record.downloadLimit.enabled, "boolean");
    }
    outcomes.read++;
  }
  assert(outcomes.refused > 20 && outcomes.read > 20, JSON.stringify(outcomes));
});

Deno.test("a state file whose tables are gone is not begun anew", async () => {
  await using dir = new TempDir();
  const path = dir.join("state");
  await makeState(path);
  const { DatabaseSync } = await import("node:sqlite");
  for (const table of ["resume", "source", "options", "torrent", "kept"]) {
    const database = new DatabaseSync(path);
    database.exec(`DROP TABLE ${table}`);
    database.close();
    const before = await Deno.readFile(path);
    const error = await StateFile.open(path).catch((error) => error);
    assertEquals((error as DaemonError).code, "bad-state");
    assertEquals(await Deno.readFile(path), before);
  }
});

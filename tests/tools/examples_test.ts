/** Runs every example with exactly the permissions that its header states. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "../../_tools/process.ts";
import { Session } from "../../client/mod.ts";
import { SqliteFileSystem } from "../../examples/sqlite_storage.ts";
import { createMetainfo, parseMetainfo } from "../../metainfo/mod.ts";
import { testFileSystem } from "../disk/file_system_compliance.ts";
import { TempDir } from "../support/paths.ts";
import {
  comparePayload,
  ODD_FILES,
  type PayloadFiles,
  writePayload,
} from "../support/payload.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const NAME = "påyload";
const FILES: PayloadFiles = Object.fromEntries(
  Object.entries(ODD_FILES).map(([path, size]) => [`${NAME}/${path}`, size]),
);

const examples = [...Deno.readDirSync(`${ROOT}/examples`)]
  .filter(({ name }) => name.endsWith(".ts"))
  .map(({ name }) => name.replace(/\.ts$/, ""));

/** The flags of the command that an example's header shows. */
async function statedFlags(name: string): Promise<string[]> {
  const source = await Deno.readTextFile(`${ROOT}/examples/${name}.ts`);
  const command = new RegExp(
    `^ \\* deno run ((?:--\\S+ )*)examples/${name}\\.ts\\b`,
    "m",
  ).exec(source);
  assert(command !== null, `${name} shows no command to run it`);
  const flags = command[1]!.trim().split(" ");
  for (const flag of flags) {
    assertStringIncludes(source, `\`${flag}\``, `${name} explains its flags`);
  }
  return flags;
}

async function runExample(
  name: string,
  flags: readonly string[],
  args: readonly string[],
) {
  const std = import.meta.resolve("@std/assert");
  const importMap = Deno.env.get("BIP_IMPORT_MAP") ??
    (std.startsWith("jsr:") ? "" : `${ROOT}/_tools/import_map.offline.json`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      `--config=${ROOT}/deno.json`,
      ...(importMap === "" ? [] : [`--import-map=${importMap}`]),
      ...flags,
      `${ROOT}/examples/${name}.ts`,
      ...args,
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs it as stated, and then with each flag left out, which must fail. */
async function runAsStated(
  name: string,
  args: readonly string[],
): Promise<string> {
  const flags = await statedFlags(name);
  for (const missing of flags) {
    const { code, stderr } = await runExample(
      name,
      flags.filter((flag) => flag !== missing),
      args,
    );
    assertNotEquals(code, 0, `${name} needs no ${missing}`);
    assertStringIncludes(stderr, missing);
  }
  const { code, stdout, stderr } = await runExample(name, flags, args);
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}

/** A seeder on loopback, with the torrent file of what it has. */
async function startSeeder(temp: TempDir) {
  await writePayload(temp.join("seed"), FILES);
  const bytes = await createMetainfo({
    inputs: [{ path: temp.join("seed", NAME) }],
    pieceLength: 32768,
  });
  await Deno.writeFile(temp.join("a.torrent"), bytes);
  const session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
  });
  session.add(bytes, { dir: temp.join("seed"), readOnly: true });
  return { session, peer: `127.0.0.1:${session.local!.port}` };
}

Deno.test("examples - each states its permissions and its usage", async () => {
  for (const name of examples) {
    const flags = await statedFlags(name);
    assert(flags.every((flag) => flag.startsWith("--")), name);
    const { code, stderr } = await runExample(name, flags, []);
    assertEquals(code, 2, name);
    assertStringIncludes(stderr, `Usage: ${name}.ts`);
  }
});

Deno.test("examples/create_torrent", async () => {
  await using temp = new TempDir();
  await writePayload(temp.path, FILES);
  const output = temp.join("made.torrent");
  const stdout = await runAsStated("create_torrent", [
    temp.join(NAME),
    output,
    "http://127.0.0.1:1/announce",
  ]);
  const metainfo = parseMetainfo(await Deno.readFile(output));
  assertEquals(metainfo.version, "hybrid");
  const [hash, magnet] = stdout.trim().split("\n");
  assertStringIncludes(magnet!, `urn:btih:${hash}`);
  assertStringIncludes(magnet!, "urn:btmh:1220");
});

Deno.test("examples/download", async () => {
  await using temp = new TempDir();
  const { session, peer } = await startSeeder(temp);
  await using _session = session;
  const stdout = await runAsStated("download", [
    temp.join("a.torrent"),
    temp.join("out"),
    peer,
  ]);
  assertStringIncludes(stdout, `Complete: ${NAME}`);
  await comparePayload(temp.join("out"), FILES);
});

Deno.test("examples/sqlite_storage", async () => {
  await using temp = new TempDir();
  const { session, peer } = await startSeeder(temp);
  await using _session = session;
  const database = temp.join("files.db");
  const stdout = await runAsStated("sqlite_storage", [
    temp.join("a.torrent"),
    database,
    peer,
  ]);
  const files = new SqliteFileSystem(database);
  try {
    for (const [path, size] of Object.entries(FILES)) {
      assertStringIncludes(stdout, `${size} ${path}\n`);
      const handle = files.open(path.split("/"));
      const bytes = new Uint8Array(size);
      assertEquals(await handle.read(bytes, 0), size);
      const original = await Deno.readFile(temp.join("seed", path));
      assert(bytes.every((byte, i) => byte === original[i]), path);
    }
  } finally {
    files.close();
  }
});

testFileSystem({
  name: "SqliteFileSystem",
  permissions: { read: true, write: true, env: true },
  make() {
    const folder = Deno.makeTempDirSync({ prefix: "bip_test_" });
    return {
      fileSystem: new SqliteFileSystem(`${folder}/files.db`),
      cleanUp: () => Deno.removeSync(folder, { recursive: true }),
    };
  },
});

/** Runs the examples of what a session lets one choose. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concatBytes } from "../../_shared/bytes.ts";
import { fromFileUrl } from "../../_tools/process.ts";
import { Session } from "../../client/mod.ts";
import { MemoryFileSystem } from "../../disk/mod.ts";
import {
  createMetainfo,
  formatMagnet,
  magnetOf,
  parseMetainfo,
} from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";
import { denoArguments } from "../support/bip_command.ts";
import { outputOf } from "../support/process.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** Longest example, in lines. */
const MAX_LINES = 40;
const PAYLOAD = crypto.getRandomValues(new Uint8Array(60_000));

/** A seeder on loopback and a link that names it. */
async function startSeeder() {
  const metainfo = parseMetainfo(
    await createMetainfo({
      inputs: [{ path: ["own.bin"], bytes: PAYLOAD }],
      pieceLength: 16384,
    }),
  );
  const fileSystem = new MemoryFileSystem();
  fileSystem.open(["own.bin"], { write: true }).write(PAYLOAD, 0);
  const heard: string[] = [];
  const session = await Session.open({
    listen: { hostname: "127.0.0.1", port: 0 },
    extensions: () => [{
      name: "xy_greet",
      onHandshake: (_, context) =>
        void context.send(new TextEncoder().encode("Hi\x1b")),
      onMessage: (payload) => heard.push(new TextDecoder().decode(payload)),
    }],
  });
  session.add(metainfo, { fileSystem, readOnly: true });
  const link = formatMagnet({ ...magnetOf(metainfo), trackers: [] });
  return { session, link, heard, peer: session.local! };
}

function run(name: string, args: readonly string[]) {
  return outputOf(
    new Deno.Command(Deno.execPath(), {
      args: denoArguments(
        `examples/${name}.ts`,
        ["--allow-net", "--allow-read", "--allow-write"],
        args,
      ),
      env: { NO_COLOR: "1" },
      stdin: "null",
    }),
  );
}

const names = [...Deno.readDirSync(`${ROOT}/examples`)]
  .map(({ name }) => name.replace(/\.ts$/, ""))
  .filter((name) => name.startsWith("own_")).sort();

Deno.test("there is one short example for each choice", async () => {
  assertEquals(
    names,
    [
      "choker",
      "discovery",
      "extension",
      "filter",
      "revelation",
      "storage",
      "strategy",
      "transport",
    ].map((choice) => `own_${choice}`),
  );
  for (const name of names) {
    const source = await Deno.readTextFile(`${ROOT}/examples/${name}.ts`);
    assert(source.trimEnd().split("\n").length <= MAX_LINES, name);
  }
});

for (const name of names) {
  Deno.test(`examples/${name}`, async () => {
    await using temp = new TempDir();
    const seeder = await startSeeder();
    await using _session = seeder.session;
    const { hostname, port } = seeder.peer;
    const list = name === "own_discovery"
      ? Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () => new Response(`${hostname} ${port}\n`),
      )
      : undefined;
    const { code, stdout, stderr } = await run(name, [
      list ? seeder.link : `${seeder.link}&x.pe=${hostname}:${port}`,
      temp.path,
      ...(list ? [`http://127.0.0.1:${list.addr.port}/`] : []),
    ]);
    await list?.shutdown();
    assertEquals(code, 0, stdout + stderr);
    const files = name === "own_storage"
      ? [...Deno.readDirSync(temp.path)].map((entry) => entry.name)
        .sort((a, b) => Number(a) - Number(b))
      : ["own.bin"];
    const bytes = files.map((file) => Deno.readFileSync(temp.join(file)));
    assertEquals(concatBytes(bytes), PAYLOAD);
    if (name === "own_extension") {
      assertEquals(seeder.heard, ["Hello"]);
      // What a stranger says is never printed as it is.
      assertStringIncludes(stdout, `127.0.0.1 says "Hi\\u001b"`);
    } else if (name === "own_transport") {
      assert(Number(stdout.split(" ")[0]) > PAYLOAD.length, stdout);
    } else if (name === "own_storage") {
      assert(files.length > 1, stdout);
    } else assertEquals(stdout, "Complete\n");
  });
}

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "../../_tools/process.ts";
import { serveRegistry, standInPackages } from "../../_tools/registry.ts";
import { outputOf } from "../support/process.ts";
import { TempDir } from "../support/paths.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));

const { tasks } = JSON.parse(
  await Deno.readTextFile(`${root}/deno.json`),
) as { tasks: Record<string, { command: string }> };

/** Runs the launcher as a task does, with a clean environment. */
async function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const inherited: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "DENO_DIR", "SYSTEMROOT", "TEMP"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) inherited[name] = value;
  }
  return await outputOf(
    new Deno.Command(Deno.execPath(), {
      args: [...taskWords(args[0]), ...args.slice(1)],
      cwd: root,
      clearEnv: true,
      env: { ...inherited, NO_COLOR: "1", ...env },
      stdin: "null",
    }),
  );
}

/** What stands behind `deno` in a task's command. */
function taskWords(name: string | undefined): readonly string[] {
  return name !== undefined && Object.hasOwn(tasks, name)
    ? tasks[name]!.command.split(" ").slice(1)
    : ["run", "-A", "_tools/launch.ts", ...(name === undefined ? [] : [name])];
}

/** The import map this test runs with, as the launcher would be told. */
const std = import.meta.resolve("@std/assert");
const same = {
  BIP_IMPORT_MAP: Deno.env.get("BIP_IMPORT_MAP") ??
    (std.startsWith("jsr:") ? "" : `${root}/_tools/import_map.offline.json`),
};

Deno.test("launch - an unknown task is named and ends with 2", async () => {
  for (const args of [["nonsense"], [], ["__proto__"], ["constructor"]]) {
    const { code, stderr } = await launch(args, same);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "expected one of bip, demo, test");
  }
});

Deno.test("launch - bip stands where the person stands, codes pass through", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  await Deno.writeTextFile(`${folder}/x.torrent`, "junk");
  const env = { ...same, INIT_CWD: folder };
  const bad = await launch(["bip", "info", "x.torrent"], env);
  assertEquals(bad.code, 4, bad.stderr);
  assertStringIncludes(bad.stderr, "x.torrent");
  assertEquals((await launch(["bip", "info", "y.torrent"], env)).code, 6);
  assertEquals((await launch(["bip", "--nonsense"], env)).code, 2);
  const good = await launch(["bip", "--version"], env);
  assertEquals([good.code, good.stderr], [0, ""]);
});

Deno.test("launch - works where JSR does not answer and nothing is cached", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  // A port that is closed: the listener only reserves it.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const env = { DENO_DIR: folder, JSR_URL: `http://127.0.0.1:${port}/` };
  const { code, stdout, stderr } = await launch(
    ["bip", "info", "a".repeat(40), "--json"],
    env,
  );
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).infoHashV1, "a".repeat(40));
});

Deno.test("launch - works where JSR answers nonsense", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("{}"),
  );
  const { code, stderr } = await launch(["bip", "info", "a".repeat(40)], {
    DENO_DIR: folder,
    JSR_URL: `http://127.0.0.1:${server.addr.port}/`,
  });
  assertEquals(code, 0, stderr);
});

Deno.test("launch - uses JSR when it answers, and its cache afterwards", async () => {
  const folder = await Deno.makeTempDir({ prefix: "bip-launch-" });
  const registry = serveRegistry(await standInPackages());
  try {
    const env = { DENO_DIR: folder, JSR_URL: registry.url };
    const args = ["compile", "pdp11"];
    const first = await launch(args, env);
    assert(!first.stderr.includes("stand-ins"), first.stderr);
    assert(
      registry.asked.some((path) => path.startsWith("/@std/assert/1.999.0/")),
      registry.asked.join("\n"),
    );
    await registry[Symbol.asyncDispose]();
    const cached = await launch(args, env);
    assert(!cached.stderr.includes("stand-ins"), cached.stderr);
  } finally {
    await registry[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("launch - bip asks a JSR that is not there once, other tasks again", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  await using registry = serveRegistry([]);
  const env = { DENO_DIR: folder, JSR_URL: registry.url };
  const asked: number[] = [];
  const info = ["bip", "info", "a".repeat(40)];
  for (const args of [info, info, ["compile", "pdp11"]]) {
    const { code, stderr } = await launch(args, env);
    assertEquals(code, args === info ? 0 : 2, stderr);
    asked.push(registry.asked.length);
  }
  assert(asked[0]! > 0);
  assertEquals(asked[1], asked[0]);
  assert(asked[2]! > asked[1]!);
});

Deno.test("launch - bip without a verb needs no JSR", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  await using registry = serveRegistry([]);
  const env = { DENO_DIR: folder, JSR_URL: registry.url };
  for (const word of ["--version", "-h"]) {
    const { code, stdout, stderr } = await launch(["bip", word], env);
    assertEquals(code, 0, stderr);
    assert(stdout.startsWith("bip "), stdout);
  }
  assertEquals((await launch(["bip"], env)).code, 2);
  assertEquals(registry.asked, []);
});

Deno.test("launch - a checkout of std is used in place of all else", async () => {
  await using temp = new TempDir();
  const folder = temp.path;
  const none = await launch(["test"], { BIP_STD: `${folder}/none` });
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "BIP_STD");
  for (const one of await standInPackages()) {
    const { name, version, exports } = one;
    const path = `${folder}/${name.slice(5)}`;
    await Deno.mkdir(path);
    for (const [file, bytes] of await one.files()) {
      await Deno.writeFile(path + file, bytes);
    }
    await Deno.writeTextFile(
      `${path}/deno.json`,
      JSON.stringify({ name, version, exports }),
    );
  }
  const args = ["compile", "pdp11"];
  for (
    const { code, stderr } of [
      await launch(args, { BIP_STD: folder }),
      await launch([...args, `--std=${folder}`]),
    ]
  ) {
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "pdp11");
    assert(!stderr.includes("stand-ins"), stderr);
  }
});

Deno.test("launch - ok refuses stages that are not there", async () => {
  for (const arg of ["--only=nonsense", "--without=x", "--fast"]) {
    const { code, stderr } = await launch(["ok", arg], same);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "publish dry run");
  }
});

Deno.test("launch - compile refuses targets that are not there", async () => {
  const { code, stderr } = await launch(["compile", "pdp11"], same);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "x86_64-unknown-linux-gnu");
});

Deno.test({
  name: "launch - a signal reaches the command, which ends cleanly",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = new TempDir();
    const folder = temp.path;
    using big = await Deno.open(`${folder}/big`, {
      write: true,
      create: true,
    });
    await big.truncate(64 * 1024 ** 3);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "_tools/launch.ts", "bip", "create", "big"],
        ...["-o", "x.torrent", "--threads", "1"],
      ],
      cwd: root,
      env: { ...same, INIT_CWD: folder },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    // Nothing tells from outside that the hashing has begun.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    assertEquals(code, 130, new TextDecoder().decode(stderr));
    const names = (await Array.fromAsync(Deno.readDir(folder)))
      .map((entry) => entry.name);
    assertEquals(names, ["big"]);
  },
});

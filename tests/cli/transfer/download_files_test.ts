import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runBip } from "../../support/bip.ts";
import { bipCommand } from "../../support/bip_command.ts";
import { comparePayload } from "../../support/payload.ts";
import { TransferScene } from "../../support/transfer.ts";

const MIB = 1024 * 1024;
const FILES = {
  "album/a.bin": 3 * MIB + 1,
  "album/b.bin": MIB,
  "album/none": 0,
};
/** Names of what is in a folder and below. */
function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? namesIn(`${folder}/${name}`).map((below) => `${name}/${below}`)
      : [name]
  ).sort();
}

Deno.test("--allocation full takes the space first, compact leaves nothing behind", async () => {
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve();
  for (const allocation of ["full", "compact", "sparse"]) {
    const waiting = await runBip([
      ...scene.download(1, "--allocation", allocation, "--timeout", "1"),
    ]);
    assertEquals(waiting.code, 5, waiting.stderr);
    const blocks = Deno.build.os === "windows" || allocation !== "full"
      ? undefined
      : Deno.statSync(`${scene.out}/album/a.bin`).blocks;
    if (blocks !== undefined) assert(blocks! * 512 >= 3 * MIB);
    else assertEquals(namesIn(scene.out).includes("album/a.bin"), false);
    const { code, stderr } = await runBip(
      scene.download(seeder.port, "--allocation", allocation),
    );
    assertEquals(code, 0, stderr);
    await comparePayload(scene.out, FILES);
    assertEquals(namesIn(scene.out), Object.keys(FILES));
    const verified = await runBip(["verify", scene.torrent, scene.out]);
    assertEquals(verified.code, 0, verified.stderr);
    await Deno.remove(scene.out, { recursive: true });
  }
  const wrong = await runBip(scene.download(1, "--allocation", "fast"));
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "sparse, full, compact");
});

Deno.test("--incomplete-suffix and --incomplete-dir: names and folders until all is there", async () => {
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve();
  const begun = scene.temp.join("begun");
  const options = ["--incomplete-suffix", ".part", "--incomplete-dir", begun];
  const waiting = await runBip(
    scene.download(1, ...options, "--allocation", "full", "--timeout", "1"),
  );
  assertEquals(waiting.code, 5, waiting.stderr);
  const names = namesIn(begun).filter((name) => name.startsWith("album/"));
  assertEquals(names, ["album/a.bin.part", "album/b.bin.part", "album/none"]);
  const partly = await bipCommand(
    ["verify", scene.torrent, begun, "--json", "--quiet"],
    { permissions: ["--allow-read"] },
  ).output();
  assertEquals(partly.code, 3);
  const told = JSON.parse(new TextDecoder().decode(partly.stdout));
  assertEquals(told.incomplete, ["album/a.bin", "album/b.bin"]);
  // What came in the place of a file stays, and is told.
  await Deno.writeTextFile(`${begun}/album/b.bin`, "mine");
  const blocked = await runBip(scene.download(seeder.port, ...options));
  assertEquals(blocked.code, 6, blocked.stderr);
  assertStringIncludes(blocked.stderr, "b.bin");
  assertEquals(await Deno.readTextFile(`${begun}/album/b.bin`), "mine");
  await Deno.remove(`${begun}/album/b.bin`);
  const { code, stderr } = await runBip(
    scene.download(seeder.port, ...options),
  );
  assertEquals(code, 0, stderr);
  await comparePayload(scene.out, FILES);
  assertEquals(namesIn(scene.out), Object.keys(FILES));
  assertEquals(namesIn(begun), []);
  // What is there already begins where it is.
  const again = await runBip(scene.download(1, ...options));
  assertEquals(again.code, 0, again.stderr);
  assertEquals(namesIn(begun), []);
  for (
    const wrong of [
      ["--incomplete-suffix", "a/b"],
      ["--incomplete-dir", begun, "--move-completed", begun],
    ]
  ) assertEquals((await runBip(scene.download(1, ...wrong))).code, 2);
});

Deno.test({
  name:
    "--find --link hard: a link that is damaged is copied before it is written",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using scene = await TransferScene.make(FILES);
    await using seeder = await scene.serve();
    const heap = scene.temp.join("heap");
    await Deno.mkdir(heap);
    for (const name of ["a.bin", "b.bin"]) {
      await Deno.copyFile(`${scene.seed}/album/${name}`, `${heap}/${name}`);
    }
    // Between the pieces by which a file is known.
    const damaged = await Deno.readFile(`${heap}/a.bin`);
    damaged[500_000]! ^= 1;
    await Deno.writeFile(`${heap}/a.bin`, damaged);
    const args = ["--find", heap, "--link"];
    const { code, stderr } = await runBip(
      scene.download(seeder.port, ...args, "hard"),
    );
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "Linked 2 files, copied 0");
    await comparePayload(scene.out, FILES);
    const inode = async (path: string) => (await Deno.stat(path)).ino;
    const at = (name: string) => `${scene.out}/album/${name}`;
    assertEquals(await inode(at("b.bin")), await inode(`${heap}/b.bin`));
    assert(await inode(at("a.bin")) !== await inode(`${heap}/a.bin`));
    assertEquals(await Deno.readFile(`${heap}/a.bin`), damaged);
    assertEquals(namesIn(scene.out), Object.keys(FILES));
    await Deno.remove(scene.out, { recursive: true });
    const none = await runBip(scene.download(seeder.port, ...args, "none"));
    assertEquals(none.code, 0, none.stderr);
    assert(await inode(at("b.bin")) !== await inode(`${heap}/b.bin`));
    for (const wrong of [[...args, "soft"], ["--link", "hard"]]) {
      assertEquals((await runBip(scene.download(1, ...wrong))).code, 2);
    }
  },
});

Deno.test("two torrents of one name in one folder: the second is refused, exit code 6", async () => {
  await using scene = await TransferScene.make({ "album/same.bin": 100_000 });
  await using other = await TransferScene.make({ "album/same.bin": 100_001 });
  await using seeder = await scene.serve();
  await using others = await other.serve();
  const { code, stderr } = await runBip([
    ...scene.download(seeder.port),
    other.torrent,
    "--peer",
    `127.0.0.1:${others.port}`,
  ]);
  assertEquals(code, 6, stderr);
  assertEquals(Deno.statSync(`${scene.out}/album/same.bin`).size, 100_000);
  const told = stderr.split("\n").filter((line) => line.includes('same.bin"'));
  assertEquals(told.length, 1, stderr);
  assert(
    /Cannot write "album\/same\.bin": it is a file of torrent [0-9a-f]{40} as well/
      .test(told[0]!),
    stderr,
  );
});

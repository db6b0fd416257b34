import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CreateError,
  createMetainfo,
  type CreateMetainfoOptions,
  parseMetainfo,
} from "../../../metainfo/mod.ts";
import { TempDir } from "../../support/paths.ts";
import { bytesOf, writeTree } from "../_payload.ts";

const isWindows = Deno.build.os === "windows";

async function parsed(options: CreateMetainfoOptions) {
  return parseMetainfo(await createMetainfo(options));
}

function paths(metainfo: ReturnType<typeof parseMetainfo>): string[] {
  return metainfo.files.map((file) => file.path.join("/"));
}

Deno.test("planCreation() names a torrent after its one input", async () => {
  await using temp = new TempDir();
  await writeTree(temp.path, { "d/a": bytesOf(9, 1), "d/s/b": bytesOf(9, 2) });
  const folder = await parsed({ inputs: [{ path: temp.join("d") }] });
  assertEquals([folder.name, folder.isSingleFile], ["d", false]);
  assertEquals(paths(folder), ["a", "s/b"]);
  for (const ending of ["/", "//", "/.", "/s/.."]) {
    const same = await parsed({ inputs: [{ path: temp.join("d") + ending }] });
    assertEquals(same.infoHash, folder.infoHash, ending);
  }
  const renamed = await parsed({
    inputs: [{ path: temp.join("d") }],
    name: "n",
  });
  assertEquals(renamed.name, "n");
  assertEquals(paths(renamed), ["a", "s/b"]);
  const file = await parsed({ inputs: [{ path: temp.join("d", "a") }] });
  assertEquals([file.name, file.isSingleFile], ["a", true]);
});

Deno.test("planCreation() puts several inputs under one name", async () => {
  await using temp = new TempDir();
  await writeTree(temp.path, {
    "p/x": bytesOf(9, 1),
    "p/d/a": bytesOf(9, 2),
    "q/y": bytesOf(9, 3),
  });
  const together = [{ path: temp.join("p/x") }, { path: temp.join("p/d") }];
  const named = await parsed({ inputs: together });
  assertEquals(named.name, "p");
  assertEquals(paths(named), ["d/a", "x"]);
  const whole = await parsed({ inputs: [{ path: temp.join("p") }] });
  assertEquals(named.infoHash, whole.infoHash);
  await Deno.mkdir(temp.join("p/empty"));
  const beside = await parsed({
    inputs: [{ path: temp.join("p/d") }, { path: temp.join("p/empty") }],
  });
  assertEquals([beside.name, ...paths(beside)], ["p", "d/a"]);
  const apart = [{ path: temp.join("p/x") }, { path: temp.join("q/y") }];
  const { code } = await assertRejects(
    () => createMetainfo({ inputs: apart }),
    CreateError,
  );
  assertEquals(code, "no-name");
  const given = await parsed({ inputs: apart, name: "n" });
  assertEquals(given.name, "n");
  assertEquals(paths(given), ["x", "y"]);
});

Deno.test("planCreation() reports absent inputs with their path", async () => {
  await using temp = new TempDir();
  const path = temp.join("none");
  const error = await assertRejects(
    () => createMetainfo({ inputs: [{ path }] }),
    CreateError,
  );
  assertEquals([error.code, error.path], ["not-found", path]);
  await Deno.mkdir(path);
  const empty = await assertRejects(
    () => createMetainfo({ inputs: [{ path }] }),
    CreateError,
  );
  assertEquals(empty.code, "empty");
});

Deno.test({
  name: "planCreation() refuses devices, and leaves them out of folders",
  ignore: isWindows,
  async fn() {
    const { code } = await assertRejects(
      () => createMetainfo({ inputs: [{ path: "/dev/null" }] }),
      CreateError,
    );
    assertEquals(code, "not-a-file");
    await using temp = new TempDir();
    await writeTree(temp.path, { "d/a": bytesOf(9, 1) });
    using listener = Deno.listen({
      transport: "unix",
      path: temp.join("d/socket"),
    });
    assert(listener.addr);
    const metainfo = await parsed({ inputs: [{ path: temp.join("d") }] });
    assertEquals(paths(metainfo), ["a"]);
  },
});

Deno.test({
  name: "planCreation() never follows links inside of folders",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    await writeTree(temp.path, {
      "secret": bytesOf(99, 1),
      "d/a": bytesOf(9, 2),
      "d/s/b": bytesOf(9, 3),
    });
    const links = {
      "d/absolute": temp.join("secret"),
      "d/dangling": "nothing",
      "d/folder": "s",
      "d/loop": ".",
      "d/outside": "../secret",
      "d/roundabout": "../d/a",
      "d/s/good": "../a",
      "d/s/through": "./../s/b",
    };
    for (const [path, target] of Object.entries(links)) {
      await Deno.symlink(target, temp.join(path));
    }
    const inputs = [{ path: temp.join("d") }];
    const skipped = await parsed({ inputs });
    assertEquals(paths(skipped), ["a", "s/b"]);
    const stored = await parsed({ inputs, symlinks: "store" });
    assertEquals(
      stored.files.map(({ path, symlink }) => [
        path.join("/"),
        symlink?.join("/"),
      ]),
      [["a", undefined], ["s/b", undefined], ["s/good", "a"], [
        "s/through",
        "s/b",
      ]],
    );
    for (const version of ["v2", "hybrid"] as const) {
      const { files } = await parsed({ inputs, symlinks: "store", version });
      const found = files.filter((file) => file.symlink !== undefined);
      assertEquals(found.map((file) => file.symlink), [["a"], ["s", "b"]]);
    }
    const error = await assertRejects(
      () => createMetainfo({ inputs, symlinks: "refuse" }),
      CreateError,
    );
    assertEquals(error.code, "symlink");
    const followed = await parsed({
      inputs: [{ path: temp.join("d/s/good") }],
    });
    assertEquals([followed.name, followed.totalLength], ["good", 9]);
  },
});

Deno.test({
  name: "planCreation() marks executables only when asked",
  ignore: isWindows,
  async fn() {
    await using temp = new TempDir();
    await writeTree(temp.path, { "d/a": bytesOf(9, 1), "d/b": bytesOf(9, 2) });
    await Deno.chmod(temp.join("d/b"), 0o755);
    const inputs = [{ path: temp.join("d") }];
    for (const version of ["v1", "v2", "hybrid"] as const) {
      const flags = async (executables: boolean) =>
        (await parsed({ inputs, version, executables })).files
          .filter((file) => !file.pad).map((file) => file.executable);
      assertEquals(await flags(true), [false, true]);
      assertEquals(await flags(false), [false, false]);
    }
  },
});

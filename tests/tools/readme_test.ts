/** What README.md says of modules, verbs, tasks and files exists, and is all. */
import { assert, assertEquals } from "@std/assert";
import { VERBS } from "../../cli/verbs.ts";

const root = new URL("../../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));
const config = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
) as { exports: Record<string, string>; tasks: Record<string, unknown> };

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(new URL(path, root));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** First cells of the rows that start with a backquote. */
const cells = [...readme.matchAll(/^\| `([^`]+)` *\|/gm)].map((m) => m[1]!);

Deno.test("README - lists every module that is there", async () => {
  const there: string[] = [];
  for (const [subpath, file] of Object.entries(config.exports)) {
    if (await exists(file)) there.push(`@bip/bip${subpath.slice(1)}`);
  }
  const listed = cells.filter((text) => text.startsWith("@bip/bip"));
  assertEquals(listed.sort(), there.sort());
});

Deno.test("README - lists every verb", () => {
  const listed = cells.filter((text) => !text.startsWith("@"))
    .map((text) => text.split(" ")[0]!);
  assertEquals(listed.sort(), VERBS.map(({ name }) => name).sort());
});

Deno.test("README - names only tasks and files that exist", async () => {
  for (const [, task] of readme.matchAll(/\bdeno(?:@[\d.]+)? task (\w+)/g)) {
    assert(task! in config.tasks, `There is no task ${task}`);
  }
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)];
  assert(links.length > 0);
  for (const [, path] of links) {
    assert(await exists(path!), `There is no file ${path}`);
  }
});

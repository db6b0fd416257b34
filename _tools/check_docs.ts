/**
 * Checks what the linters do not: every face has a module doc with an example,
 * a BEP table and a line on permissions; every test mirrors a source file;
 * every code block of the guides in docs/ asserts, and is checked and run.
 * (The examples of faces run with the tests.)
 *
 * `deno run -A _tools/check_docs.ts`
 *
 * @module
 */

import { run } from "./process.ts";
import { decideStdSource } from "./std_source.ts";

/** Folders under tests/ that mirror no module folder. */
const FREE_FOLDERS: ReadonlySet<string> = new Set([
  "support",
  "sim",
  "interop",
  "fuzz",
  "soak",
  "vectors",
  "data",
]);

/** Tests whose name is of a whole folder's concern, not of one file. */
const FREE_TESTS: ReadonlySet<string> = new Set([
  "examples_test.ts",
  "readme_test.ts",
  "words_test.ts",
  "permissions_test.ts",
  "vectors_test.ts",
  "compliance_test.ts",
  "own_examples_test.ts",
  "sockets_test.ts",
  "stand_ins_test.ts",
]);

/**
 * Finds the module doc of a source text: the first JSDoc block with `@module`.
 *
 * @param source The text of a module.
 * @returns The comment's text without stars, or `undefined`.
 */
export function moduleDoc(source: string): string | undefined {
  const match = /^(?:#!.*\n)?\s*\/\*\*([\s\S]*?)\*\//.exec(source);
  if (match === null || !/@module\b/.test(match[1]!)) return undefined;
  return match[1]!.replace(/^\s*\*? ?/gm, "");
}

/**
 * Judges the module doc of a face.
 *
 * @param source The text of the face.
 * @param specifier How users import it, such as `"@bip/bip/dht"`.
 * @returns What is missing, as sentences; empty when nothing is.
 */
export function judgeFace(source: string, specifier: string): string[] {
  const doc = moduleDoc(source);
  if (doc === undefined) return ["has no module doc with @module"];
  const problems: string[] = [];
  const example = /```ts\b([^\n]*)\n([\s\S]*?)```/.exec(doc);
  if (example === null) problems.push("has no example in a ts block");
  else {
    if (/\bignore\b/.test(example[1]!)) {
      problems.push("has an example that is ignored");
    }
    if (!example[2]!.includes(`"${specifier}"`)) {
      problems.push(`has an example that does not import "${specifier}"`);
    }
    if (!/\bassert\w*\(/.test(example[2]!)) {
      problems.push("has an example that asserts nothing");
    }
  }
  if (!/^\|[^|\n]*\bBEP\b[^\n]*\|$/m.test(doc)) {
    problems.push("has no BEP table");
  }
  if (!/\bpermissions?\b|--allow-/i.test(doc)) {
    problems.push("has no line on permissions");
  }
  return problems;
}

/**
 * Judges the code blocks of a guide.
 *
 * @param markdown The text of the guide.
 * @returns What is wrong with them, as sentences; empty when nothing is.
 */
export function judgeGuide(markdown: string): string[] {
  const problems: string[] = [];
  const blocks = markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```/gm);
  for (const { 1: language, 2: attributes, 3: code, index } of blocks) {
    if (!/^(ts|typescript|tsx|js|javascript|jsx)$/.test(language!)) continue;
    const line = markdown.slice(0, index).split("\n").length;
    if (language !== "ts") {
      problems.push(`has a block of ${language} in line ${line}, not of ts`);
    }
    if (/\bignore\b/.test(attributes!)) {
      problems.push(`has a block that is ignored in line ${line}`);
    }
    if (!/\bassert\w*\(/.test(code!)) {
      problems.push(`has a block that asserts nothing in line ${line}`);
    }
  }
  return problems;
}

/**
 * Names the source files a test may mirror.
 *
 * @param test Path below tests/, such as `dht/krpc_test.ts`.
 * @returns Candidate paths from the root; empty when the test mirrors none.
 */
export function mirrorsOf(test: string): string[] {
  const parts = test.split("/");
  const name = parts.at(-1)!;
  if (FREE_TESTS.has(name)) return [];
  if (parts.length > 1 && FREE_FOLDERS.has(parts[0]!)) return [];
  const folder = parts.slice(0, -1).join("/").replace(/^tools\b/, "_tools");
  const prefix = folder === "" ? "" : `${folder}/`;
  const base = name.replace(/_test\.ts$/, "");
  // krpc_hostile_test.ts belongs to krpc.ts: cut words from the end.
  const words = base.split("_");
  const result: string[] = [];
  for (let count = words.length; count > 0; count--) {
    const stem = words.slice(0, count).join("_");
    if (stem === "") continue;
    result.push(`${prefix}${stem}.ts`, `${prefix}_${stem}.ts`);
  }
  return result;
}

async function walk(folder: URL, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) {
      names.push(
        ...await walk(
          new URL(`${encodeURIComponent(entry.name)}/`, folder),
          `${prefix}${entry.name}/`,
        ),
      );
    } else names.push(prefix + entry.name);
  }
  return names.sort();
}

async function exists(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isFile;
  } catch {
    return false;
  }
}

/** Whether a folder has files whose names start with a candidate's. */
async function startsFamily(
  root: URL,
  candidates: readonly string[],
): Promise<boolean> {
  const family = candidates.map((path) => path.replace(/\.ts$/, "_"));
  const folder = candidates[0]!.replace(/[^/]*$/, "");
  try {
    for await (const entry of Deno.readDir(new URL(`./${folder}`, root))) {
      const name = folder + entry.name;
      if (family.some((prefix) => name.startsWith(prefix))) return true;
    }
  } catch {
    // No such folder: nothing to mirror.
  }
  return false;
}

/**
 * Checks the checkout.
 *
 * @param root Its folder, with a slash at the end.
 * @returns One line per problem.
 */
export async function checkDocs(root: URL): Promise<string[]> {
  const problems: string[] = [];
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  ) as { readonly name: string; readonly exports: Record<string, string> };
  for (const [key, path] of Object.entries(config.exports)) {
    const url = new URL(path, root);
    if (!await exists(url)) {
      problems.push(`${path} is exported but missing`);
      continue;
    }
    const specifier = config.name + key.slice(1);
    for (
      const problem of judgeFace(await Deno.readTextFile(url), specifier)
    ) problems.push(`${path} ${problem}`);
  }
  for (const test of await walk(new URL("tests/", root))) {
    if (!test.endsWith("_test.ts")) continue;
    const candidates = mirrorsOf(test);
    if (candidates.length === 0) continue;
    let found = false;
    for (const candidate of candidates) {
      found ||= await exists(new URL(candidate, root));
    }
    // picker_model_test.ts is about all of picker_*.ts.
    found ||= await startsFamily(root, candidates);
    if (!found) problems.push(`tests/${test} mirrors no source file`);
  }
  for (const name of await walk(new URL("docs/", root))) {
    const text = await Deno.readTextFile(new URL(`docs/${name}`, root));
    for (const problem of judgeGuide(text)) {
      problems.push(`docs/${name} ${problem}`);
    }
  }
  return problems;
}

/** Checks the types of all code blocks of the guides, and runs them. */
async function runGuides(): Promise<number> {
  const { importMap } = await decideStdSource(true);
  return await run(Deno.execPath(), [
    "test",
    "-A",
    "--doc",
    "--quiet",
    "--unstable-net",
    "--unstable-kv",
    ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
    "docs/",
  ]);
}

if (import.meta.main) {
  const problems = await checkDocs(new URL("../", import.meta.url));
  for (const problem of problems) console.error(problem);
  const code = await runGuides();
  if (problems.length > 0 || code !== 0) Deno.exit(1);
}

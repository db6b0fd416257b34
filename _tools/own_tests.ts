/**
 * Whether every source file has a test of its own: a test of the same name, or
 * one that imports the file itself. What is private to a module may be tested
 * through what uses it: `tested_through.json` says by which test.
 *
 * `deno run --allow-read --allow-write=_tools _tools/own_tests.ts` writes the
 * entries that are missing, for the nearest test, and drops stale ones.
 *
 * @module
 */
import { type ImportGraph, importGraph } from "./import_graph.ts";

/** Source files by the test that they are tested through. */
export type TestedThrough = Readonly<Record<string, readonly string[]>>;

const OUTSIDE = /^(tests|bench|examples|docs|dist|_tools\/offline)\//;

/** Whether a text has anything that runs. */
function hasCode(text: string): boolean {
  return /^(export )?(default )?(async )?(function|class|const|let)\b/m
    .test(text);
}

/** The test of a file's own name, without `_test.ts`. */
function testOf(source: string): string {
  return `tests/${source.replace(/^_tools\//, "tools/").replace(/\.ts$/, "")}`;
}

/** Imports, and the programs that tests start. */
function graphOf(texts: ReadonlyMap<string, string>): ImportGraph {
  const graph = new Map(importGraph(texts));
  for (const [name, text] of texts) {
    if (!name.startsWith("tests/")) continue;
    const started = [...text.matchAll(/\b(?:cli|_tools)\/\w+\.ts\b/g)]
      .map(([path]) => path).filter((path) => texts.has(path));
    graph.set(name, [...graph.get(name)!, ...started]);
  }
  return graph;
}

/** What a file imports, and what that imports, nearest first. */
function reach(graph: ImportGraph, start: string): string[] {
  const seen = new Set([start]);
  for (const name of seen) {
    for (const target of graph.get(name) ?? []) seen.add(target);
  }
  return [...seen];
}

/**
 * Finds source files without a test of their own.
 *
 * @param texts Texts of all TypeScript files, by path from the root.
 * @returns Their paths.
 */
export function untested(texts: ReadonlyMap<string, string>): string[] {
  const tests = [...texts.keys()].filter((name) => name.endsWith("_test.ts"));
  const graph = importGraph(texts);
  const imported = new Set(tests.flatMap((test) => graph.get(test) ?? []));
  return [...texts].filter(([name, text]) => {
    if (OUTSIDE.test(name) || /(^|\/)mod\.ts$/.test(name)) return false;
    const own = testOf(name);
    return hasCode(text) && !imported.has(name) &&
      !tests.some((test) => test.startsWith(`${own}_`));
  }).map(([name]) => name);
}

/**
 * Holds a checkout against the list of what is tested through something else.
 *
 * @param texts Texts of all TypeScript files, by path from the root.
 * @param list The list.
 * @returns One line per problem: files that are neither tested nor listed,
 * entries that are stale, tests that never come to the file they are to test.
 */
export function judgeOwnTests(
  texts: ReadonlyMap<string, string>,
  list: TestedThrough,
): string[] {
  const graph = graphOf(texts);
  const missing = new Set(untested(texts));
  const problems: string[] = [];
  const listed = new Set<string>();
  for (const [test, sources] of Object.entries(list)) {
    const reached = new Set(reach(graph, test));
    for (const source of sources) {
      if (listed.has(source)) problems.push(`${source} is listed twice`);
      listed.add(source);
      if (!missing.has(source)) {
        problems.push(`${source} needs no entry in tested_through.json`);
      } else if (!texts.has(test) || !reached.has(source)) {
        problems.push(`${test} does not come to ${source}`);
      }
    }
  }
  for (const source of missing) {
    if (!listed.has(source)) problems.push(`${source} has no test of its own`);
  }
  return problems;
}

/**
 * Reads the TypeScript files of a checkout.
 *
 * @param root Its folder, with a slash at the end.
 * @returns Texts by path from the root.
 */
export async function readSources(root: URL): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const read = async (folder: string) => {
    for await (const entry of Deno.readDir(new URL(`./${folder}`, root))) {
      const name = folder + entry.name;
      if (entry.isDirectory && !/^(\.|dist$|node_modules$)/.test(entry.name)) {
        await read(`${name}/`);
      } else if (entry.isFile && name.endsWith(".ts")) {
        texts.set(name, await Deno.readTextFile(new URL(name, root)));
      }
    }
  };
  await read("");
  return texts;
}

/** How many folders two paths share. */
function shared(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  return left.findIndex((part, i) => part !== right[i]);
}

/** Lists each file under the test that is nearest by folder, then by import. */
function nearest(texts: ReadonlyMap<string, string>): TestedThrough {
  const graph = graphOf(texts);
  const tests = [...texts.keys()].filter((name) => name.endsWith("_test.ts"));
  const orders = tests.map((test) => [test, reach(graph, test)] as const);
  const list: Record<string, string[]> = {};
  for (const source of untested(texts)) {
    const own = testOf(source);
    const [best] = orders.flatMap(([test, order]) => {
      const rank = order.indexOf(source);
      return rank < 0 ? [] : [{ test, rank, near: shared(own, test) }];
    }).sort((a, b) => b.near - a.near || a.rank - b.rank);
    if (best !== undefined) (list[best.test] ??= []).push(source);
  }
  return Object.fromEntries(
    Object.entries(list).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([test, sources]) => [test, sources.sort()]),
  );
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  await Deno.writeTextFile(
    new URL("_tools/tested_through.json", root),
    JSON.stringify(nearest(await readSources(root)), undefined, 2) + "\n",
  );
}

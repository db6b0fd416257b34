/**
 * Which source file imports which, and whether rooms keep to
 * `ROOM_IMPORTS` when one follows imports through files of a module's top.
 *
 * @module
 */
import type { Rooms } from "./layers.ts";

/** Files by path from the root, each with the files that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Most source files that a folder shows. */
export const MAX_FILES = 24;

const SPECIFIER = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/**
 * Reads the imports of source texts.
 *
 * @param texts Texts by path from the root.
 * @returns The relative imports, types included.
 */
export function importGraph(texts: ReadonlyMap<string, string>): ImportGraph {
  const graph = new Map<string, string[]>();
  for (const [name, text] of texts) {
    const base = new URL(name, "file:///");
    const code = text.replace(/^\s*(\/?\*|\/\/).*$/gm, "");
    graph.set(name, [
      ...new Set(
        [...code.matchAll(SPECIFIER)].map(([, specifier]) =>
          new URL(specifier!, base).pathname.slice(1)
        ),
      ),
    ]);
  }
  return graph;
}

/** Room of a file: "" at the top of its module. */
function roomOf(module: string, name: string): string {
  return name.slice(module.length + 1).split("/").slice(0, -1).join("/");
}

/**
 * Holds one module against its entry in `ROOM_IMPORTS`.
 *
 * @param graph All imports.
 * @param module Folder of the module.
 * @param rooms Its entry.
 * @returns One line per problem: rooms in a circle, rooms that reach others
 * through files of the top, entries that nothing uses, folders too full.
 */
export function judgeRooms(
  graph: ImportGraph,
  module: string,
  rooms: Rooms,
): string[] {
  const problems: string[] = [];
  const files = [...graph.keys()].filter((name) =>
    name.startsWith(`${module}/`)
  );
  const used = new Set<string>();
  for (const start of files) {
    const room = roomOf(module, start);
    if (room === "") continue;
    // Only files of the top are followed: what a room imports is its own row.
    const seen = new Set<string>();
    const queue: [file: string, through: string][] = [[start, ""]];
    for (const [file, through] of queue) {
      for (const target of graph.get(file) ?? []) {
        if (!target.startsWith(`${module}/`) || seen.has(target)) continue;
        seen.add(target);
        const there = roomOf(module, target);
        if (there === "") {
          queue.push([target, `${through} through ${target}`]);
        } else if (there !== room && rooms[room]?.includes(there)) {
          used.add(`${room} > ${there}`);
        } else if (there !== room || through !== "") {
          problems.push(`${start} reaches ${target}${through}`);
        }
      }
    }
  }
  for (const [room, below] of Object.entries(rooms)) {
    if (!files.some((name) => roomOf(module, name) === room)) {
      problems.push(`${module}/${room}/ does not exist`);
    }
    for (const other of below) {
      if (!used.has(`${room} > ${other}`)) {
        problems.push(`${module}/${room}/ does not use ${other}/`);
      }
    }
    const reached = new Set<string>(below);
    for (const other of reached) {
      for (const next of rooms[other] ?? []) reached.add(next);
    }
    if (reached.has(room)) {
      problems.push(`${module}/${room}/ may import itself in a circle`);
    }
  }
  for (const room of ["", ...Object.keys(rooms)]) {
    const count = files.filter((name) => roomOf(module, name) === room).length;
    if (count > MAX_FILES) {
      problems.push(
        `${module}/${room} shows ${count} files: ${MAX_FILES} at most`,
      );
    }
  }
  return problems;
}

/**
 * The layer rules of the house as lint errors: who may import whom, what pure
 * files never touch, how long a file may get. See ARCHITECTURE.md.
 *
 * @module
 */
import {
  DRIVER_FILES,
  FOLDER_IMPORTS,
  NARROW_IMPORTS,
  ROOM_IMPORTS,
  type Rooms,
} from "./layers.ts";
import { fileSize, isUse, noEnum, pureFile } from "./lint_rules.ts";

/** The root folder of the checkout as it stands in front of file names. */
const ROOT_URL = new URL("../", import.meta.url).pathname;

/** Folders that are no part of the package. */
const OUTSIDE: ReadonlySet<string> = new Set([
  "_tools",
  "tests",
  "bench",
  "examples",
]);

/**
 * Names a file from the root of the checkout.
 *
 * @param filename What the linter calls it.
 * @returns A path with forward slashes such as `dht/krpc.ts`.
 */
export function relativeName(filename: string): string {
  let name = filename.replaceAll("\\", "/").replace(/^file:\/\//, "");
  try {
    name = decodeURIComponent(name);
  } catch {
    // A percent sign that belongs to the name.
  }
  const root = decodeURIComponent(ROOT_URL);
  if (name.startsWith(root)) return name.slice(root.length);
  const bare = root.replace(/^\/(?=[A-Za-z]:)/, "");
  return name.startsWith(bare) ? name.slice(bare.length) : name;
}

/** A file as the rules see it. */
interface Place {
  /** Path from the root. */
  readonly name: string;
  /** First folder, or "" for a file of the root. */
  readonly folder: string;
}

function placeOf(filename: string): Place {
  const name = relativeName(filename);
  const slash = name.indexOf("/");
  return { name, folder: slash < 0 ? "" : name.slice(0, slash) };
}

const isModule = (place: Place): boolean =>
  Object.hasOwn(FOLDER_IMPORTS, place.folder);

/**
 * Tells pure files from drivers.
 *
 * @param name Path from the root.
 * @returns Whether the file must stay pure.
 */
export function isPure(name: string): boolean {
  return isModule(placeOf(name)) &&
    !DRIVER_FILES.some((driver) => driver.test(name));
}

function resolveRelative(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.length > 0 ? parts.pop() : parts.push("..");
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Room of a file: "" at the top of its module. */
function roomOf({ name, folder }: Place): string {
  const parts = name.slice(folder.length + 1).split("/");
  return parts.slice(0, -1).join("/");
}

/** Judges an import between files of one module. */
function judgeRooms(
  from: Place,
  to: Place,
  rooms: Rooms | undefined,
): string | undefined {
  const [here, there] = [roomOf(from), roomOf(to)];
  if (rooms === undefined || here === "" || there === "" || here === there) {
    return undefined;
  }
  const allowed = rooms[here] ?? [];
  return allowed.includes(there)
    ? undefined
    : `${from.folder}/${here}/ cannot import from ${there}/: arrows between rooms point down only (allowed: ${
      allowed.join(", ") || "none"
    })`;
}

/**
 * Judges where a file stands and what it is called.
 *
 * @param name Path from the root.
 * @param all The rooms of each module.
 * @returns What is wrong, or `undefined`.
 */
export function judgePlace(
  name: string,
  all: Readonly<Record<string, Rooms>> = ROOM_IMPORTS,
): string | undefined {
  const place = placeOf(name);
  const rooms = all[place.folder];
  if (rooms === undefined) return undefined;
  const room = roomOf(place);
  if (room !== "" && !Object.hasOwn(rooms, room)) {
    return `ROOM_IMPORTS of _tools/layers.ts names no room "${room}" of ${place.folder}/`;
  }
  if (/(^|\/)_[^/]*$/.test(name)) {
    return "A private file stands in a room: no leading underscore";
  }
  return undefined;
}

/**
 * Judges one import.
 *
 * @param from The importing file, from the root.
 * @param specifier What it imports.
 * @param all The rooms of each module.
 * @returns What is wrong, or `undefined`.
 */
export function judgeImport(
  from: string,
  specifier: string,
  all: Readonly<Record<string, Rooms>> = ROOM_IMPORTS,
): string | undefined {
  const place = placeOf(from);
  const source = isModule(place) || place.folder === "";
  if (/^(npm|jsr|https?):/.test(specifier)) {
    return `"${specifier}" bypasses deno.json: only @std packages named there may be imported`;
  }
  if (specifier.startsWith("node:")) {
    return isPure(from)
      ? `A pure file cannot import "${specifier}": leave that to a driver`
      : undefined;
  }
  if (specifier.startsWith("@std/")) {
    if (!source) return undefined;
    if (/^@std\/assert\b/.test(specifier) && place.folder !== "testing") {
      return `"${specifier}" is for testing/, tests and examples`;
    }
    if (/^@std\/cli\b/.test(specifier) && place.folder !== "cli") {
      return `"${specifier}" is for cli/`;
    }
    return undefined;
  }
  if (/^@bip\//.test(specifier)) {
    return source
      ? `"${specifier}" names the package itself: import the file`
      : undefined;
  }
  if (!specifier.startsWith(".")) {
    return source
      ? `"${specifier}" is no file of this package and no @std package`
      : undefined;
  }
  if (!source) return undefined;
  const target = resolveRelative(from, specifier);
  const to = placeOf(target);
  if (OUTSIDE.has(to.folder) || target.startsWith("..")) {
    return `The package cannot import "${specifier}": it is not published`;
  }
  if (place.folder === "") return undefined;
  if (to.folder === place.folder) {
    return judgeRooms(place, to, all[place.folder]);
  }
  if (to.folder === "_shared") return undefined;
  if (to.folder === "") {
    return `"${specifier}" is the package's face: import the file it comes from`;
  }
  if (!FOLDER_IMPORTS[place.folder]!.includes(to.folder)) {
    return `${place.folder}/ cannot import from ${to.folder}/: arrows point down only (allowed: ${
      ["_shared", ...FOLDER_IMPORTS[place.folder]!].join(", ")
    })`;
  }
  const narrow = NARROW_IMPORTS[`${place.folder} > ${to.folder}`];
  const file = target.slice(to.folder.length + 1);
  if (narrow !== undefined && !narrow.test(file)) {
    return `${place.folder}/ cannot import ${target}: of ${to.folder}/ it may only see ${narrow.source}`;
  }
  if (file.includes("/")) {
    return `${place.folder}/ cannot import ${target}: the rooms of ${to.folder}/ are its own`;
  }
  return undefined;
}

const plugin: Deno.lint.Plugin = {
  name: "bip",
  rules: {
    "layer-imports": {
      create(context) {
        const { name } = placeOf(context.filename);
        const check = (
          node: Deno.lint.Node,
          source: { readonly value?: unknown } | null | undefined,
        ) => {
          if (typeof source?.value !== "string") return;
          const message = judgeImport(name, source.value);
          if (message !== undefined) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source),
          ExportAllDeclaration: (node) => check(node, node.source),
          ExportNamedDeclaration: (node) => check(node, node.source),
          ImportExpression: (node) =>
            check(node, node.source as { readonly value?: unknown }),
        };
      },
    },
    "pure-files": {
      create: (context) =>
        isPure(relativeName(context.filename)) ? pureFile(context) : {},
    },
    "rooms": {
      create(context) {
        return {
          Program(node) {
            const message = judgePlace(relativeName(context.filename));
            if (message !== undefined) context.report({ node, message });
          },
        };
      },
    },
    "file-size": fileSize,
    "no-enum": noEnum,
    "faces-only-re-export": {
      create(context) {
        const { name, folder } = placeOf(context.filename);
        const face = name === "mod.ts" ||
          (Object.hasOwn(FOLDER_IMPORTS, folder) &&
            name === `${folder}/mod.ts`);
        const source = isModule({ name, folder }) || folder === "";
        if (!source) return {};
        const judge = (node: Deno.lint.Node) => {
          if (!face) {
            context.report({
              node,
              message: "Only mod.ts re-exports: import where it is declared",
            });
          }
        };
        return {
          ExportAllDeclaration: judge,
          ExportNamedDeclaration(node) {
            if (node.source === null || node.source === undefined) return;
            // The command is an entry point whose face is a function.
            if (name === "cli/main.ts" && node.exportKind === "type") return;
            judge(node);
          },
          Program(node) {
            if (!face) return;
            for (const statement of node.body) {
              const reExports = statement.type === "ExportAllDeclaration" ||
                (statement.type === "ExportNamedDeclaration" &&
                  statement.source !== null && statement.source !== undefined);
              if (!reExports) {
                context.report({
                  node: statement,
                  message: "A mod.ts holds nothing but re-exports",
                });
              }
            }
          },
        };
      },
    },
    "no-console": {
      create(context) {
        const place = placeOf(context.filename);
        // Pure files have a rule of their own; tools and examples may print.
        if (!isModule(place) || isPure(place.name)) return {};
        return {
          Identifier(node) {
            if (node.name !== "console" || !isUse(node)) return;
            context.report({
              node,
              message: place.folder === "cli"
                ? "The command prints through cli/terminal.ts, not console"
                : "A library does not print: return data or an event",
            });
          },
        };
      },
    },
    "no-default-export": {
      create(context) {
        if (relativeName(context.filename) === "_tools/lint_plugin.ts") {
          return {};
        }
        return {
          ExportDefaultDeclaration: (node) =>
            context.report({
              node,
              message: "Default exports are not used here: export by name",
            }),
        };
      },
    },
  },
};

export default plugin;

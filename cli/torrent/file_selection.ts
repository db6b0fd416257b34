/**
 * Which files of a torrent are wanted: `1,3-5`, a path or a glob.
 *
 * @module
 */
import { UsageError } from "../error.ts";
import { plural } from "../text.ts";

/** Most alternatives that the braces of one glob may give. */
const MAX_ALTERNATIVES = 256;

type Token =
  | { readonly type: "char"; readonly char: string }
  | { readonly type: "any" }
  | { readonly type: "star" }
  | { readonly type: "globstar" }
  | {
    readonly type: "class";
    readonly negated: boolean;
    readonly ranges: readonly (readonly [string, string])[];
  };

function expandBraces(glob: string, option: string): string[] {
  let open = [glob];
  const done: string[] = [];
  while (open.length > 0) {
    const next: string[] = [];
    for (const text of open) {
      // The innermost pair first, so that nesting needs no recursion.
      const match = /\{([^{}]*,[^{}]*)\}/.exec(text);
      if (match === null) {
        done.push(text);
        continue;
      }
      for (const part of match[1]!.split(",")) {
        next.push(
          text.slice(0, match.index) + part +
            text.slice(match.index + match[0].length),
        );
      }
      if (next.length + done.length > MAX_ALTERNATIVES) {
        throw new UsageError(
          `${option} has more than ${MAX_ALTERNATIVES} alternatives in braces`,
        );
      }
    }
    open = next;
  }
  return done;
}

function tokenize(glob: string): Token[] {
  const tokens: Token[] = [];
  const chars = [...glob];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === "\\" && i + 1 < chars.length) {
      tokens.push({ type: "char", char: chars[++i]! });
    } else if (char === "?") tokens.push({ type: "any" });
    else if (char === "*") {
      if (chars[i + 1] !== "*") {
        tokens.push({ type: "star" });
        continue;
      }
      while (chars[i + 1] === "*") i++;
      // "**/" also matches no folder at all.
      if (chars[i + 1] === "/") i++;
      tokens.push({ type: "globstar" });
    } else if (char === "[") {
      const end = chars.indexOf("]", i + 2);
      if (end < 0) {
        tokens.push({ type: "char", char });
        continue;
      }
      const negated = chars[i + 1] === "!" || chars[i + 1] === "^";
      const ranges: [string, string][] = [];
      for (let k = i + (negated ? 2 : 1); k < end; k++) {
        if (chars[k + 1] === "-" && k + 2 < end) {
          ranges.push([chars[k]!, chars[k + 2]!]);
          k += 2;
        } else ranges.push([chars[k]!, chars[k]!]);
      }
      tokens.push({ type: "class", negated, ranges });
      i = end;
    } else tokens.push({ type: "char", char });
  }
  return tokens;
}

function accepts(token: Token, char: string): boolean {
  switch (token.type) {
    case "char":
      return token.char === char;
    case "any":
    case "star":
      return char !== "/";
    case "globstar":
      return true;
    case "class":
      return char !== "/" &&
        token.ranges.some(([low, high]) => low <= char && char <= high) !==
          token.negated;
  }
}

const repeats = (token: Token | undefined): boolean =>
  token?.type === "star" || token?.type === "globstar";

/** Follows all ways through the pattern at once: linear in the name. */
function matches(tokens: readonly Token[], name: string): boolean {
  let at = new Set<number>();
  const reach = (state: number, into: Set<number>) => {
    into.add(state);
    while (repeats(tokens[state])) into.add(++state);
  };
  reach(0, at);
  for (const char of name) {
    const next = new Set<number>();
    for (const state of at) {
      const token = tokens[state];
      if (token === undefined || !accepts(token, char)) continue;
      reach(repeats(token) ? state : state + 1, next);
    }
    if (next.size === 0) return false;
    at = next;
  }
  return at.has(tokens.length);
}

/**
 * Makes a test of path names from a glob: `*`, `**`, `?`, `[a-z]`, `[!a]`,
 * `{a,b}`, `\` before a character that is meant literally. A glob without `/`
 * is held against the last part of the path.
 *
 * @param glob The pattern.
 * @param option The option it belongs to, for the message.
 * @returns A function that takes a path with forward slashes.
 * @throws {UsageError} If the braces give too many alternatives.
 */
export function globMatcher(
  glob: string,
  option: string,
): (path: string) => boolean {
  const normal = glob.normalize("NFC").replace(/^\.?\//, "");
  const patterns = expandBraces(normal, option).map((text) => ({
    tokens: tokenize(text),
    whole: text.includes("/"),
  }));
  return (path) => {
    const whole = path.normalize("NFC");
    const last = whole.slice(whole.lastIndexOf("/") + 1);
    return patterns.some((pattern) =>
      matches(pattern.tokens, pattern.whole ? whole : last)
    );
  };
}

/** Whether a text names so many files by number; their indices if it does. */
function parseNumbers(text: string, count: number): number[] | undefined {
  const wanted: number[] = [];
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,9})\s*(?:(-)\s*(\d{1,9})?\s*)?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[3] ?? (match[2] === "-" ? count : first));
    if (first < 1 || last > count || first > last) return undefined;
    for (let number = first; number <= last; number++) wanted.push(number - 1);
  }
  return wanted;
}

/** The paths that a test accepts, with the torrent's name in front or not. */
function indicesOf(
  paths: readonly string[],
  accepts: (path: string) => boolean,
): number[] {
  return paths.flatMap((path, index) => {
    const slash = path.indexOf("/");
    return accepts(path) || (slash >= 0 && accepts(path.slice(slash + 1)))
      ? [index]
      : [];
  });
}

/** Picks the files that one option names. */
function selectSome(
  text: string,
  paths: readonly string[],
  option: string,
): number[] {
  const trimmed = text.trim();
  const numbers = parseNumbers(trimmed, paths.length);
  if (numbers !== undefined) return numbers;
  const exact = trimmed.normalize("NFC").replace(/^\.?\/|\/+$/g, "");
  const named = exact === "" ? [] : indicesOf(paths, (path) => {
    const whole = path.normalize("NFC");
    return whole === exact || whole.startsWith(`${exact}/`);
  });
  if (named.length > 0) return named;
  if (/^[\d,\s-]+$/.test(trimmed)) {
    throw new UsageError(
      `${option}: there is no ${trimmed}, only ${
        paths.length === 1 ? "file 1" : `files 1 to ${paths.length}`
      }`,
    );
  }
  const found = indicesOf(paths, globMatcher(trimmed, option));
  if (found.length === 0) {
    throw new UsageError(
      `${option} matches none of ${plural(paths.length, "file")}: ${
        JSON.stringify(text)
      }`,
      // Other options choose among files that are listed already.
      option === "--files" ? "--list shows them" : undefined,
    );
  }
  return found;
}

/**
 * Picks files.
 *
 * @param texts What each `--files` says: numbers from 1 and ranges such as
 * `1,3-5,9-`, else the path of a file or folder, else a glob.
 * @param paths The listed files, with forward slashes, in their order; the
 * torrent's name in front, if it has one, may be left out.
 * @param option What the option is called.
 * @returns Indices into `paths`, ascending, each once, at least one.
 * @throws {UsageError} If a text names no file or one that is not there.
 */
export function selectFiles(
  texts: readonly string[],
  paths: readonly string[],
  option = "--files",
): number[] {
  const wanted = new Set(
    texts.flatMap((text) => selectSome(text, paths, option)),
  );
  return [...wanted].sort((a, b) => a - b);
}

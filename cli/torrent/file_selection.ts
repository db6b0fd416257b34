/**
 * Which files of a torrent are wanted: `1,3-5` or a glob.
 *
 * @module
 */
import { UsageError } from "../error.ts";

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

function expandBraces(glob: string): string[] {
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
          `--files has more than ${MAX_ALTERNATIVES} alternatives in braces`,
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
 * @returns A function that takes a path with forward slashes.
 * @throws {UsageError} If the braces give too many alternatives.
 */
export function globMatcher(glob: string): (path: string) => boolean {
  const normal = glob.normalize("NFC").replace(/^\.?\//, "");
  const patterns = expandBraces(normal).map((text) => ({
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

/**
 * Picks files.
 *
 * @param text Numbers from 1 and ranges such as `1,3-5,9-`, or a glob.
 * @param paths The listed files, with forward slashes, in their order; the
 * torrent's name in front, if it has one, may be left out in a glob.
 * @returns Indices into `paths`, ascending, each once, at least one.
 * @throws {UsageError} If the text names no file or one that is not there.
 */
export function selectFiles(text: string, paths: readonly string[]): number[] {
  const wanted = new Set<number>();
  const trimmed = text.trim();
  if (/^[\d,\s-]+$/.test(trimmed)) {
    for (const part of trimmed.split(",")) {
      const match = /^\s*(\d{1,9})\s*(-?)\s*(\d{0,9})\s*$/.exec(part);
      if (match === null || (match[2] === "" && match[3] !== "")) {
        throw new UsageError(
          `--files must be numbers and ranges such as 1,3-5 or a glob, not ${
            JSON.stringify(text)
          }`,
        );
      }
      const first = Number(match[1]);
      const last = match[2] === ""
        ? first
        : match[3] === ""
        ? paths.length
        : Number(match[3]);
      if (first < 1 || last > paths.length || first > last) {
        throw new UsageError(
          `--files asks for ${part.trim()} but there are files 1 to ${paths.length}`,
          "--list shows them",
        );
      }
      for (let number = first; number <= last; number++) wanted.add(number - 1);
    }
  } else {
    const match = globMatcher(trimmed);
    paths.forEach((path, index) => {
      const slash = path.indexOf("/");
      if (match(path) || (slash >= 0 && match(path.slice(slash + 1)))) {
        wanted.add(index);
      }
    });
    if (wanted.size === 0) {
      throw new UsageError(
        `--files matches none of the ${paths.length} files: ${
          JSON.stringify(text)
        }`,
        "--list shows them",
      );
    }
  }
  return [...wanted].sort((a, b) => a - b);
}

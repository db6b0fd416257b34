/** Stand-in for `@std/cli/parse-args`: the options that the package uses. */

type Names<T extends string> = T | readonly T[];
/** Options of {@linkcode parseArgs}. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
> {
  "--"?: boolean;
  alias?: Readonly<Record<string, string | readonly string[]>>;
  boolean?: Names<B>;
  collect?: Names<C>;
  default?: D;
  negatable?: string | readonly string[];
  stopEarly?: boolean;
  string?: Names<S>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
type Known<B extends string, S extends string, C extends string> =
  & { [K in Exclude<B, C>]: boolean }
  & { [K in Exclude<S, C>]?: string }
  & { [K in Extract<S, C>]: string[] };
/** The values, by the names that are known. */
type Values<B extends string, S extends string, C extends string, D> =
  & Record<string, unknown>
  & Omit<Known<B, S, C>, keyof D>
  & {
    [K in keyof D]: K extends keyof Known<B, S, C>
      ? D[K] | NonNullable<Known<B, S, C>[K]>
      : unknown;
  };
/** What {@linkcode parseArgs} returns. */
export type Args<T = Record<string, unknown>> = T & {
  _: (string | number)[];
  "--"?: string[];
};

const listOf = (value: string | readonly string[] | undefined) =>
  value === undefined ? [] : typeof value === "string" ? [value] : [...value];
const NUMERIC = /^(?:0x[0-9a-f]+|[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)$/i;
const isBoolean = (text: string | undefined) =>
  text === "true" || text === "false";

export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
>(
  args: readonly string[],
  options: ParseOptions<B, S, C, D> = {},
): Args<
  // deno-lint-ignore no-explicit-any
  [B | S | C] extends [never] ? Record<string, any> : Values<B, S, C, D>
> {
  const twins = new Map<string, string[]>();
  for (const [name, value] of Object.entries(options.alias ?? {})) {
    const group = [name, ...listOf(value)];
    for (const member of group) {
      twins.set(member, group.filter((other) => other !== member));
    }
  }
  const withTwins = (names: string | readonly string[] | undefined) =>
    new Set<string>(
      listOf(names).flatMap((name) => [name, ...(twins.get(name) ?? [])]),
    );
  const booleans = withTwins(options.boolean);
  const strings = withTwins(options.string);
  const collected = withTwins(options.collect);
  const negatable = withTwins(options.negatable);
  const values = new Map<string, unknown>();
  const result: Args = { _: [] };

  const assign = (name: string, value: unknown, arg: string) => {
    const known = booleans.has(name) || strings.has(name) || twins.has(name) ||
      collected.has(name);
    if (!known && options.unknown?.(arg, name, value) === false) return;
    if (
      typeof value === "string" && !strings.has(name) && NUMERIC.test(value)
    ) {
      value = Number(value);
    }
    for (const key of [name, ...(twins.get(name) ?? [])]) {
      const before = values.get(key);
      if (!collected.has(key)) values.set(key, value);
      else if (Array.isArray(before)) before.push(value);
      else values.set(key, [value]);
    }
  };
  const bare = (name: string) => strings.has(name) ? "" : true;

  const end = args.indexOf("--");
  const rest = end < 0 ? [] : args.slice(end + 1);
  const tokens = end < 0 ? args : args.slice(0, end);
  for (let i = 0; i < tokens.length; i++) {
    const arg = tokens[i]!;
    const next = tokens[i + 1];
    const long = /^--([^=]+)(?:=([^]*))?$/.exec(arg);
    if (long !== null) {
      const name = long[1]!;
      const value = long[2];
      if (value) {
        // The real one reads "--no-x=1" as "--x=1".
        const key = name.replace(/^no-/, "");
        assign(key, booleans.has(key) ? value === "true" : value, arg);
      } else if (value !== undefined) {
        assign(name, booleans.has(name) ? value === "true" : value, arg);
      } else if (name.startsWith("no-") && negatable.has(name.slice(3))) {
        assign(name.slice(3), false, arg);
      } else if (next && !booleans.has(name) && !next.startsWith("-")) {
        assign(name, next, arg);
        i++;
      } else if (isBoolean(next)) {
        assign(name, next === "true", arg);
        i++;
      } else assign(name, bare(name), arg);
      continue;
    }
    if (/^-[^-]/.test(arg)) {
      const letters = arg.slice(1);
      let done = false;
      for (let k = 0; k < letters.length - 1 && !done; k++) {
        const tail = letters.slice(k + 1);
        if (tail.startsWith("=")) {
          assign(letters[k]!, tail.slice(1), arg);
          done = true;
        } else if (/^-?\d+(\.\d*)?$/.test(tail)) {
          assign(letters[k]!, tail, arg);
          done = true;
        } else assign(letters[k]!, bare(letters[k]!), arg);
      }
      if (done) continue;
      const name = letters.at(-1)!;
      if (next && !/^(-|--)[^-]/.test(next) && !booleans.has(name)) {
        assign(name, next, arg);
        i++;
      } else if (isBoolean(next)) {
        assign(name, next === "true", arg);
        i++;
      } else assign(name, bare(name), arg);
      continue;
    }
    if (options.unknown?.(arg) !== false) {
      result._.push(!strings.has("_") && NUMERIC.test(arg) ? Number(arg) : arg);
    }
    if (options.stopEarly) {
      result._.push(...tokens.slice(i + 1));
      break;
    }
  }
  for (const [name, value] of Object.entries(options.default ?? {})) {
    for (const key of [name, ...(twins.get(name) ?? [])]) {
      if (!values.has(key)) values.set(key, value);
    }
  }
  for (const name of booleans) {
    if (!values.has(name)) values.set(name, collected.has(name) ? [] : false);
  }
  for (const name of strings) {
    if (!values.has(name) && collected.has(name)) values.set(name, []);
  }
  for (const [name, value] of values) {
    Object.defineProperty(result, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  if (options["--"]) result["--"] = [...rest];
  else result._.push(...rest);
  return result as ReturnType<typeof parseArgs<B, S, C, D>>;
}

/**
 * From words on the command line to {@linkcode Arguments}, by a verb's table.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Arguments, type OptionSpec, type Verb } from "./command.ts";
import { UsageError } from "./error.ts";
import { nearest } from "./nearest.ts";

/** Options that every verb has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "help", short: "h", summary: "Show this help" },
  { name: "debug", summary: "Show the stack of an error" },
];

function unknownOption(
  arg: string,
  options: readonly OptionSpec[],
): UsageError {
  const guess = nearest(
    arg.replace(/^-+/, ""),
    options.map((option) => option.name),
  );
  return new UsageError(
    `Unknown option ${arg}`,
    guess === undefined ? undefined : `Did you mean --${guess}?`,
  );
}

/**
 * Writes every option as `--name=value` or `--name`, whatever form it was typed
 * in, and the operands behind `--`: so no operand is taken for a value.
 */
function normalize(
  words: readonly string[],
  options: readonly OptionSpec[],
): string[] {
  const byName = new Map(options.map((option) => [option.name, option]));
  const byShort = new Map(
    options.flatMap((option) =>
      option.short === undefined ? [] : [[option.short, option] as const]
    ),
  );
  const result: string[] = [];
  const operands: string[] = [];
  let next = 0;
  const valueOf = (
    option: OptionSpec,
    given: string | undefined,
    as: string,
  ) => {
    // An unset variable of a shell is no folder to write to.
    const isPath = option.complete === "file" || option.complete === "folder";
    const value = given ?? words[next];
    if (value === "" && isPath) {
      throw new UsageError(
        `Option ${as} needs a value: ${option.value} is empty`,
      );
    }
    if (given !== undefined) return given;
    // A following option is more likely a forgotten value than a value.
    const isOption = value !== undefined && value.startsWith("-") &&
      (byName.has(value.replace(/^--([^=]*).*$/s, "$1")) ||
        value === "--" || (value.length === 2 && byShort.has(value[1]!)));
    if (value === undefined || isOption) {
      throw new UsageError(`Option ${as} needs a value: ${option.value}`);
    }
    next++;
    return value;
  };
  while (next < words.length) {
    const word = words[next++]!;
    if (word === "--") {
      operands.push(...words.slice(next));
      break;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = word.slice(2, equals < 0 ? undefined : equals);
      const given = equals < 0 ? undefined : word.slice(equals + 1);
      const option = byName.get(name);
      if (option === undefined) throw unknownOption(`--${name}`, options);
      if (option.value !== undefined) {
        result.push(`--${name}=${valueOf(option, given, `--${name}`)}`);
      } else if (given === undefined || given === "true" || given === "false") {
        if (given !== "false") result.push(`--${name}`);
      } else throw new UsageError(`Option --${name} takes no value`);
    } else if (word.startsWith("-") && word !== "-") {
      for (let i = 1; i < word.length; i++) {
        const option = byShort.get(word[i]!);
        if (option === undefined) {
          throw unknownOption(i === 1 ? word : `-${word[i]}`, options);
        }
        if (option.value === undefined) {
          result.push(`--${option.name}`);
          continue;
        }
        const rest = word.slice(i + 1).replace(/^=/, "");
        const value = valueOf(option, rest || undefined, `-${word[i]}`);
        result.push(`--${option.name}=${value}`);
        break;
      }
    } else operands.push(word);
  }
  return [...result, "--", ...operands];
}

/** The synopsis when it is short, else where to find it. */
function usageHint(verb: Verb): string {
  return verb.usage.length <= 60
    ? `Usage: bip ${verb.name} ${verb.usage}`
    : `bip ${verb.name} --help shows the usage`;
}

/**
 * Parses the words after a verb.
 *
 * @param words The words, as the shell gave them.
 * @param verb Whose table applies.
 * @returns Operands, values and switches; the count of operands is checked
 * unless help is asked for.
 * @throws {UsageError} If an option is unknown or lacks its value, or operands
 * are missing or too many.
 */
export function parseVerbArguments(
  words: readonly string[],
  verb: Verb,
): Arguments {
  const options = [...verb.options, ...COMMON_OPTIONS];
  const valued = options.filter((option) => option.value !== undefined);
  const plain = options.filter((option) => option.value === undefined);
  const parsed: Record<string, unknown> = parseArgs(
    normalize(words, options),
    {
      string: ["_", ...valued.map((option) => option.name)],
      collect: valued.map((option) => option.name),
      boolean: plain.map((option) => option.name),
    },
  );
  const values = new Map<string, readonly string[]>();
  for (const { name } of valued) {
    const given = parsed[name] as string[] | undefined;
    if (given !== undefined && given.length > 0) values.set(name, given);
  }
  const switches = new Set<string>();
  for (const { name } of plain) {
    if (parsed[name] === true) switches.add(name);
  }
  const operands = parsed["_"] as string[];
  if (!switches.has("help")) {
    const [least, most] = verb.operands;
    if (operands.length < least) {
      throw new UsageError(
        `Missing ${verb.operandNames[operands.length] ?? "operand"}`,
        usageHint(verb),
      );
    }
    if (operands.length > most) {
      throw new UsageError(
        `Unexpected operand ${JSON.stringify(operands[most])}`,
        usageHint(verb),
      );
    }
  }
  return new Arguments(operands, values, switches);
}

/**
 * Help texts, made from the verbs' tables.
 *
 * @module
 */
import { COMMON_OPTIONS } from "./arguments.ts";
import type { OptionSpec, Verb } from "./command.ts";

/** Least columns that a summary beside its option needs. */
const MIN_SUMMARY = 24;

/** What the values of options may be, by what they are called. */
const VALUES: Readonly<Record<string, string>> = {
  SIZE:
    "SIZE is a number of bytes, or has a unit: K, M, G and KiB, MiB, GiB count in steps of 1024, KB, MB, GB in steps of 1000.",
  RATE:
    "RATE is an amount per second, such as 500K or 2MiB/s; 0 means no limit. K, M, G and KiB, MiB, GiB count in steps of 1024, KB, MB, GB in steps of 1000; without a unit it is bytes.",
  S: "S is a number of seconds, or a duration such as 90s, 2m or 1h30m.",
};

function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, width));
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** The summary with the words that the value may be, before the default. */
function summaryOf({ summary, complete }: OptionSpec): string {
  return !Array.isArray(complete) ||
      complete.every((word) => summary.includes(word))
    ? summary
    : summary.replace(/( \([^()]*\))?$/, `: ${complete.join(", ")}$1`);
}

function optionLine(option: OptionSpec): [string, string] {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  return [
    `${short}--${option.name}${value}${option.repeat ? "..." : ""}`,
    summaryOf(option),
  ];
}

/** The part of a verb that one of its own verbs is, as if it stood alone. */
function subVerbOf(verb: Verb, name: string | undefined): Verb {
  const { table, common } = verb.subVerbs ?? { table: {}, common: [] };
  const picked = name !== undefined && Object.hasOwn(table, name)
    ? table[name]
    : undefined;
  if (picked === undefined) return verb;
  const known = [...common, ...picked.options];
  return {
    ...verb,
    summary: picked.summary,
    usage: picked.usage,
    details: [`bip ${verb.name} --help tells more.`],
    options: verb.options.filter(({ name }) => known.includes(name)),
  };
}

/**
 * Writes a verb's help.
 *
 * @param whole Which verb.
 * @param columns Width of the terminal.
 * @param name Which of its own verbs it is about, if it has such.
 * @returns The text, without a newline at the end.
 */
export function verbHelp(whole: Verb, columns = 80, name?: string): string {
  const verb = subVerbOf(whole, name);
  const width = Math.min(Math.max(columns, 40), 100);
  const lines = [...wrap(`${verb.summary}.`, width), ""];
  const head = `Usage: bip ${verb.name} `;
  const indent = " ".repeat(Math.min(head.length, 16));
  wrap(
    verb.usage.replace(/\[([^\]]+)\]/g, (part) => part.replaceAll(" ", "\0")),
    width - head.length,
  )
    .forEach((line, index) =>
      lines.push((index === 0 ? head : indent) + line.replaceAll("\0", " "))
    );
  for (const paragraph of verb.details ?? []) {
    lines.push("", ...wrap(paragraph, width));
  }
  const rows = [...verb.options, ...COMMON_OPTIONS].map(optionLine);
  const widest = Math.min(
    30,
    Math.max(...rows.map(([name]) => name.length)) + 4,
  );
  // On a narrow terminal a summary stands below its option.
  const left = width - widest - 2 < MIN_SUMMARY ? 8 : widest;
  lines.push("", "Options:");
  for (const [name, summary] of rows) {
    const text = wrap(summary, width - left - 2);
    const start = `  ${name}`;
    if (start.length + 2 > left + 2) lines.push(start);
    else {
      lines.push(`${start.padEnd(left + 2)}${text.shift()}`);
    }
    for (const line of text) lines.push(" ".repeat(left + 2) + line);
  }
  for (const [value, text] of Object.entries(VALUES)) {
    const isUsed = verb.options.some((option) => option.value === value);
    if (isUsed) lines.push("", ...wrap(text, width));
  }
  if (verb.options.some(({ repeat }) => repeat)) {
    lines.push("", ...wrap("Options with ... may be given repeatedly.", width));
  }
  lines.push("", ...wrap(`Permissions: ${verb.permissions}`, width));
  return lines.join("\n");
}

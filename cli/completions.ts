/**
 * `bip completions`: scripts that complete verbs, options and values.
 *
 * @module
 */
import { COMMON_OPTIONS } from "./arguments.ts";
import type { OptionSpec, Verb, VerbContext } from "./command.ts";
import { UsageError } from "./error.ts";
import { EXIT_DONE } from "./exit_code.ts";
import { VERBS } from "./verbs.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

const optionsOf = (verb: Verb): readonly OptionSpec[] => [
  ...verb.options,
  ...COMMON_OPTIONS,
];

/** Quotes for a single-quoted string of bash and zsh. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function flagsOf(option: OptionSpec): string[] {
  return [
    ...(option.short === undefined ? [] : [`-${option.short}`]),
    `--${option.name}`,
  ];
}

function bash(verbs: readonly Verb[]): string {
  const cases: string[] = [];
  for (const verb of verbs) {
    const values: string[] = [];
    for (const option of optionsOf(verb)) {
      if (option.value === undefined) continue;
      const { complete } = option;
      const action = Array.isArray(complete)
        ? `COMPREPLY=($(compgen -W ${quote(complete.join(" "))} -- "$cur"))`
        : complete === "file"
        ? "_bip_files -f"
        : complete === "folder"
        ? "_bip_files -d"
        : "COMPREPLY=()";
      values.push(`        ${flagsOf(option).join("|")}) ${action}; return ;;`);
    }
    const flags = optionsOf(verb).flatMap(flagsOf).join(" ");
    const operands = verb.complete === "none"
      ? "COMPREPLY=()"
      : verb.complete === "folder"
      ? "_bip_files -d"
      : "_bip_files -f";
    cases.push(
      `    ${verb.name})`,
      ...(values.length === 0
        ? []
        : ['      case "$prev" in', ...values, "      esac"]),
      '      if [[ "$cur" == -* ]]; then',
      `        COMPREPLY=($(compgen -W ${quote(flags)} -- "$cur"))`,
      ...(verb.words === undefined ? [] : [
        "      elif [[ $COMP_CWORD -eq 2 ]]; then",
        `        COMPREPLY=($(compgen -W ${
          quote(verb.words.join(" "))
        } -- "$cur"))`,
      ]),
      `      else ${operands}; fi ;;`,
    );
  }
  const names = verbs.map((verb) => verb.name).join(" ");
  return [
    "# bash completion for bip: source this file, or put it where bash-completion looks",
    "_bip_files() {",
    "  # Names may have spaces.",
    "  local IFS=$'\\n'",
    "  compopt -o filenames 2>/dev/null",
    '  COMPREPLY=($(compgen "$1" -- "$cur"))',
    "}",
    "_bip() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"',
    "  # Of --option=value, = is a word of its own.",
    '  if [[ "$cur" == = ]]; then cur=',
    '  elif [[ "$prev" == = ]]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    "  COMPREPLY=()",
    "  if [[ $COMP_CWORD -eq 1 ]]; then",
    `    COMPREPLY=($(compgen -W ${
      quote(`${names} help --help --version`)
    } -- "$cur"))`,
    "    return",
    "  fi",
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    "    help)",
    "      [[ $COMP_CWORD -eq 2 ]] &&",
    `        COMPREPLY=($(compgen -W ${quote(names)} -- "$cur")) ;;`,
    "  esac",
    "}",
    "complete -F _bip bip",
  ].join("\n");
}

/** Escapes what has a meaning inside an argument of `_arguments`. */
const zshText = (text: string): string =>
  text.replace(/[\\:[\]]/g, (char) => `\\${char}`);

function zsh(verbs: readonly Verb[]): string {
  const functions: string[] = [];
  for (const verb of verbs) {
    const specs: string[] = [];
    for (const option of optionsOf(verb)) {
      const { complete } = option;
      const action = Array.isArray(complete)
        ? `(${complete.join(" ")})`
        : complete === "file"
        ? "_files"
        : complete === "folder"
        ? "_files -/"
        : " ";
      for (const flag of flagsOf(option)) {
        const value = option.value === undefined
          ? ""
          : `:${zshText(option.value)}:${action}`;
        const equals = option.value !== undefined && flag.startsWith("--")
          ? "="
          : "";
        specs.push(quote(
          `${option.repeat ? "*" : ""}${flag}${equals}[${
            zshText(option.summary)
          }]${value}`,
        ));
      }
    }
    if (verb.words !== undefined) {
      specs.push(quote(`1:command:(${verb.words.join(" ")})`));
    }
    specs.push(quote(
      verb.complete === "none"
        ? "*: : "
        : verb.complete === "folder"
        ? "*:folder:_files -/"
        : "*:file:_files",
    ));
    functions.push(
      `    ${verb.name})`,
      "      _arguments -S \\",
      ...specs.map((spec, index) =>
        `        ${spec}${index === specs.length - 1 ? " ;;" : " \\"}`
      ),
    );
  }
  return [
    "#compdef bip",
    "_bip() {",
    "  if (( CURRENT == 2 )); then",
    "    local -a verbs",
    "    verbs=(",
    ...verbs.map((verb) =>
      `      ${quote(`${verb.name}:${zshText(verb.summary)}`)}`
    ),
    "      'help:Show help'",
    "    )",
    "    _describe verb verbs",
    "    return",
    "  fi",
    "  local verb=$words[2]",
    "  shift words; (( CURRENT-- ))",
    "  case $verb in",
    ...functions,
    "    help)",
    `      compadd ${verbs.map(({ name }) => name).join(" ")} ;;`,
    "  esac",
    "}",
    "compdef _bip bip 2>/dev/null",
  ].join("\n");
}

function fish(verbs: readonly Verb[]): string {
  const text = (words: string) =>
    `'${words.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = [
    "# fish completion for bip",
    "complete -c bip -f",
    "complete -c bip -n __fish_use_subcommand -l help -d 'Show help'",
    "complete -c bip -n __fish_use_subcommand -a help -d 'Show help'",
    `complete -c bip -n '__fish_seen_subcommand_from help' -a ${
      text(verbs.map(({ name }) => name).join(" "))
    }`,
    "complete -c bip -n __fish_use_subcommand -l version -d 'Show the version'",
  ];
  for (const verb of verbs) {
    lines.push(
      `complete -c bip -n __fish_use_subcommand -a ${verb.name} -d ${
        text(verb.summary)
      }`,
    );
    const seen = `-n '__fish_seen_subcommand_from ${verb.name}'`;
    if (verb.words !== undefined) {
      const words = verb.words.join(" ");
      const first =
        `-n '__fish_seen_subcommand_from ${verb.name}; and not __fish_seen_subcommand_from ${words}'`;
      lines.push(`complete -c bip ${first} -a ${text(words)}`);
      if (verb.complete !== "none") {
        const later =
          `-n '__fish_seen_subcommand_from ${verb.name}; and __fish_seen_subcommand_from ${words}'`;
        lines.push(`complete -c bip ${later} -F`);
      }
    } else if (verb.complete === "folder") {
      lines.push(`complete -c bip ${seen} -a '(__fish_complete_directories)'`);
    } else if (verb.complete !== "none") {
      lines.push(`complete -c bip ${seen} -F`);
    }
    for (const option of optionsOf(verb)) {
      const { complete } = option;
      lines.push([
        `complete -c bip ${seen}`,
        ...(option.short === undefined ? [] : [`-s ${option.short}`]),
        `-l ${option.name}`,
        ...(option.value === undefined
          ? []
          : Array.isArray(complete)
          ? [`-x -a ${text(complete.join(" "))}`]
          : complete === "file"
          ? ["-r -F"]
          : complete === "folder"
          ? ["-x -a '(__fish_complete_directories)'"]
          : ["-x"]),
        `-d ${text(option.summary)}`,
      ].join(" "));
    }
  }
  return lines.join("\n");
}

/**
 * Writes a completion script.
 *
 * @param shell Which shell.
 * @param verbs The verbs to complete.
 * @returns The script, without a newline at the end.
 */
export function completionScript(
  shell: typeof SHELLS[number],
  verbs: readonly Verb[],
): string {
  return shell === "bash"
    ? bash(verbs)
    : shell === "zsh"
    ? zsh(verbs)
    : fish(verbs);
}

/** `bip completions SHELL` */
export const completionsVerb: Verb = {
  name: "completions",
  summary: "Print a completion script for a shell",
  usage: "bash|zsh|fish",
  details: [
    'bash: eval "$(bip completions bash)" in ~/.bashrc. zsh: bip completions zsh > ~/.zfunc/_bip. fish: bip completions fish > ~/.config/fish/completions/bip.fish.',
  ],
  operands: [1, 1],
  operandNames: ["shell (bash, zsh or fish)"],
  words: SHELLS,
  complete: "none",
  permissions: "none",
  options: [],
  async run({ args, output }: VerbContext): Promise<number> {
    const shell = SHELLS.find((name) => name === args.operands[0]);
    if (shell === undefined) {
      throw new UsageError(
        `Unknown shell ${JSON.stringify(args.operands[0])}`,
        `Expected one of ${SHELLS.join(", ")}`,
      );
    }
    const verbs = await Promise.all(VERBS.map((entry) => entry.load()));
    output.print(completionScript(shell, verbs));
    return EXIT_DONE;
  },
};

/** Scripts that complete command lines, made of the same facts as `--help`. They start no program: a key press should not wait. */
import type { ArgumentFacts, OptionFacts, ProgramFacts, Values, VerbFacts } from "./command-facts.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** How a shell is told to use the script. */
export const INSTALL: Readonly<Record<Shell, string>> = {
  bash: "in ~/.bashrc: source <(seamlock completion bash)",
  zsh: "in ~/.zshrc, after compinit: source <(seamlock completion zsh)",
  fish: "once: seamlock completion fish > ~/.config/fish/completions/seamlock.fish",
};

/** The script for a shell. */
export function completionScript(shell: Shell, program: ProgramFacts): string {
  const head = shell === "zsh" ? `#compdef ${program.name}\n` : "";
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return `${head}# ${program.name} ${program.version}; ${INSTALL[shell]}\n${scripts[shell](program)}`;
}

const flagsOf = ({ short, long }: OptionFacts): string[] => (short === null ? [long] : [short, long]);

const optionsOf = (verb: VerbFacts, program: ProgramFacts): readonly OptionFacts[] => [
  ...verb.options,
  ...program.options.filter(({ long }) => !verb.options.some((own) => own.long === long)),
];

/** A word that a shell takes as it is. */
const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

// Bash ---------------------------------------------------------------------------------------------------------------------------

/** What bash is told of values: words, files, or nothing. */
function bashReply(values: Values): string {
  if (values === null) return ":";
  return values === "file" ? "_seamlock_files" : `_seamlock_words ${single(values.join(" "))}`;
}

function bashScript(program: ProgramFacts): string {
  const all = program.verbs.map((verb) => ({ verb, options: optionsOf(verb, program) }));
  const flags = (options: readonly OptionFacts[]): string => options.flatMap(flagsOf).join(" ");
  const values = all.flatMap(({ verb, options }) =>
    options
      .filter(({ value }) => value !== null)
      .map(
        (option) =>
          `    ${flagsOf(option)
            .map((flag) => `${verb.name}:${flag}`)
            .join("|")}) ${bashReply(option.values)} ;;`,
      ),
  );
  const positions = all.flatMap(({ verb }) =>
    verb.arguments.map((one, i) => `    ${verb.name}:${one.variadic ? "*" : i}) ${bashReply(one.values)} ;;`),
  );
  return `_seamlock_words() { COMPREPLY=( $(compgen -W "$1" -- "$cur") ); }
_seamlock_files() { compopt -o filenames 2>/dev/null; COMPREPLY=( $(compgen -f -- "$cur") ); }
_seamlock_value() {
  case "$verb:$1" in
${values.join("\n")}
    *:--color) _seamlock_words 'auto always never' ;;
    *) return 1 ;;
  esac
}
_seamlock() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" verb="" option="" word i position=0
  COMPREPLY=()
  for (( i = 1; i < COMP_CWORD; i++ )); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then continue
    elif [[ -n $option ]]; then option=""
    elif [[ $word == -* ]]; then _seamlock_value "$word" && option="$word"
    elif [[ -z $verb ]]; then verb="$word"
    else position=$(( position + 1 ))
    fi
  done
  COMPREPLY=()
  if [[ $cur == "=" ]]; then cur=""; fi
  if [[ -n $option ]]; then _seamlock_value "$option"; return 0; fi
  if [[ $cur == -* ]]; then
    case "$verb" in
${all.map(({ verb, options }) => `      ${verb.name}) _seamlock_words ${single(flags(options))} ;;`).join("\n")}
      *) _seamlock_words ${single(flags(program.options))} ;;
    esac
    return 0
  fi
  case "$verb:$position" in
    :*) _seamlock_words ${single([...program.verbs.map(({ name }) => name), "help"].join(" "))} ;;
    help:0) _seamlock_words ${single(program.verbs.map(({ name }) => name).join(" "))} ;;
${positions.join("\n")}
  esac
  return 0
}
complete -F _seamlock ${program.name}
`;
}

// Zsh ----------------------------------------------------------------------------------------------------------------------------

const zshText = (text: string): string => text.replaceAll(/[[\]:\\]/g, "\\$&");

/** `:module:(1.5.05 1.5.25)`. */
function zshValue(name: string, values: Values): string {
  if (values === null) return `:${name}: `;
  return `:${name}:${values === "file" ? "_files" : `(${values.join(" ")})`}`;
}

function zshOption(option: OptionFacts): string {
  const told = `[${zshText(option.summary)}]${option.value === null ? "" : zshValue(option.value, option.values)}`;
  return flagsOf(option)
    .map((flag) => single(`*${flag}${option.value !== null && flag.startsWith("--") ? "=" : ""}${told}`))
    .join(" ");
}

function zshArgument(argument: ArgumentFacts, i: number): string {
  const place = argument.variadic ? "*" : `${i + 1}`;
  return single(
    `${place}${argument.required || argument.variadic ? "" : ":"}${zshValue(argument.name, argument.values)}`,
  );
}

function zshScript(program: ProgramFacts): string {
  const verbs = program.verbs.map(({ name, summary }) => `    ${single(`${name}:${zshText(summary)}`)}`);
  const cases = program.verbs.map((verb) => {
    const specs = [...optionsOf(verb, program).map(zshOption), ...verb.arguments.map(zshArgument)];
    return `    ${verb.name})\n      _arguments ${specs.join(" \\\n        ")} ;;`;
  });
  return `_seamlock() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a verbs
  verbs=(
${verbs.join("\n")}
    'help:print the help of a verb'
  )
  _arguments -C ${program.options.map(zshOption).join(" ")} '1:verb:->verb' '*::argument:->argument'
  case $state in
    verb) _describe -t verbs verb verbs ;;
    argument)
      case $words[1] in
    help) _describe -t verbs verb verbs ;;
${cases.join("\n")}
      esac ;;
  esac
}
if [[ $funcstack[1] == _seamlock ]]; then _seamlock "$@"; else compdef _seamlock ${program.name}; fi
`;
}

// Fish ---------------------------------------------------------------------------------------------------------------------------

const fishWord = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fishOption(program: string, condition: string, option: OptionFacts): string {
  const words = [
    `complete -c ${program} -n ${fishWord(condition)} -l ${option.long.replace(/^--/, "")}`,
    ...(option.short === null ? [] : [`-s ${option.short.slice(1)}`]),
    ...(option.value === null ? ["-f"] : fishValues(option.values)),
    `-d ${fishWord(option.summary)}`,
  ];
  return words.join(" ");
}

function fishValues(values: Values): string[] {
  if (values === null) return ["-x"];
  return values === "file" ? ["-r", "-F"] : ["-x", "-a", fishWord(values.join(" "))];
}

function fishScript(program: ProgramFacts): string {
  const { name, verbs } = program;
  const every = verbs.map((verb) => verb.name).join(" ");
  const none = `not __fish_seen_subcommand_from ${every} help`;
  const first = verbs.map(
    (verb) => `complete -c ${name} -n ${fishWord(none)} -a ${verb.name} -d ${fishWord(verb.summary)}`,
  );
  const own = verbs.flatMap((verb) => {
    const seen = `__fish_seen_subcommand_from ${verb.name}`;
    const words = verb.arguments.flatMap(({ values }) => (Array.isArray(values) ? values : []));
    const files = verb.arguments.some(({ values }) => values === "file");
    return [
      ...verb.options.map((option) => fishOption(name, seen, option)),
      ...(words.length === 0 ? [] : [`complete -c ${name} -n ${fishWord(seen)} -a ${fishWord(words.join(" "))}`]),
      ...(files ? [`complete -c ${name} -n ${fishWord(seen)} -F`] : []),
    ];
  });
  return [
    `complete -c ${name} -f`,
    ...program.options.map((option) => fishOption(name, "true", option)),
    ...first,
    `complete -c ${name} -n ${fishWord(none)} -a help -d 'print the help of a verb'`,
    `complete -c ${name} -n '__fish_seen_subcommand_from help' -a ${fishWord(every)}`,
    ...own,
    "",
  ].join("\n");
}

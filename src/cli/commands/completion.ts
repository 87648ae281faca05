import { exitCode, UsageError } from '../exitCodes.ts';
import { allVerbs, type Command } from '../verbs.ts';

const shells = ['bash', 'zsh', 'fish'];

/** Words that a verb takes in place of files. */
const wordsOf = (name: string): readonly string[] => (name === 'completion' ? shells : []);

/** A function of bash that offers verbs first, then options after a dash, else files. */
function bash(all: ReadonlyMap<string, Command>): string {
  const cases = [...all].map(([name, { options }]) => {
    const words = [...wordsOf(name), ...Object.keys(options).map((o) => `--${o}`), '--help'];
    return `      ${name}) words="${words.join(' ')}" ;;`;
  });
  return `_rehearse() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words="" found
  if [ "$COMP_CWORD" -eq 1 ]; then words="${[...all.keys()].join(' ')} --help --version"; else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=()
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(
    compgen -W "$words" -- "$word"
    [ "$COMP_CWORD" -eq 1 ] || compgen -f -- "$word"
  )
}
complete -o filenames -F _rehearse rehearse
`;
}

const quoted = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;

/** Lines of fish, each with what the verb or the option says; an option with a value offers files behind it. */
function fish(all: ReadonlyMap<string, Command>): string {
  const lines = [...all].flatMap(([name, { question, options }]) => {
    const within = `complete -c rehearse -n '__fish_seen_subcommand_from ${name}'`;
    const words = wordsOf(name);
    return [
      `complete -c rehearse -n __fish_use_subcommand -f -a ${name} -d ${quoted(question)}`,
      ...(words.length === 0 ? [] : [`${within} -f -a ${quoted(words.join(' '))}`]),
      ...Object.entries(options).map(
        ([option, { type, says }]) =>
          `${within} -l ${option}${type === 'boolean' ? '' : ' -r'} -d ${quoted(says)}`,
      ),
    ];
  });
  return `${lines.join('\n')}\n`;
}

export const completion: Command = {
  usage: '[bash|zsh|fish]',
  question: 'How does my shell complete verbs, options and files?',
  examples: [
    'rehearse completion bash > /etc/bash_completion.d/rehearse',
    'rehearse completion zsh > ~/.rehearse.zsh && echo "source ~/.rehearse.zsh" >> ~/.zshrc',
    'rehearse completion fish > ~/.config/fish/completions/rehearse.fish',
  ],
  options: {},
  run: async (given) => {
    const shell = given.files[0] ?? 'bash';
    if (!shells.includes(shell))
      throw new UsageError(`no completion for ${shell}\n  mend: write bash, zsh or fish`);
    const all = await allVerbs();
    process.stdout.write(
      shell === 'fish'
        ? fish(all)
        : `${shell === 'zsh' ? 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n' : ''}${bash(all)}`,
    );
    return exitCode.yes;
  },
};

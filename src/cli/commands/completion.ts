import { exitCode, UsageError } from '../exitCodes.ts';
import { type Command, verbs } from '../verbs.ts';

/** Words after `--` for each verb, as a shell's `case` needs them. */
async function cases(): Promise<[string, string][]> {
  const made: [string, string][] = [];
  for (const [name, load] of Object.entries(verbs)) {
    made.push([
      name,
      Object.keys((await load()).options)
        .map((o) => `--${o}`)
        .join(' '),
    ]);
  }
  return made;
}

export const completion: Command = {
  usage: '[bash|zsh|fish]',
  question: 'How does my shell complete verbs, options and files?',
  examples: [
    'rehearse completion bash > /etc/bash_completion.d/rehearse',
    'rehearse completion fish | source',
  ],
  options: {},
  run: async (given) => {
    const shell = given.files[0] ?? 'bash';
    const all = await cases();
    const names = all.map(([name]) => name).join(' ');
    if (shell === 'fish') {
      const lines = [`complete -c rehearse -n '__fish_use_subcommand' -f -a '${names}'`];
      for (const [name, options] of all) {
        for (const option of options.split(' ').filter((o) => o !== '')) {
          lines.push(`complete -c rehearse -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`);
        }
      }
      process.stdout.write(`${lines.join('\n')}\n`);
      return exitCode.yes;
    }
    if (shell !== 'bash' && shell !== 'zsh')
      throw new UsageError(`no completion for ${shell}\n  mend: write bash, zsh or fish`);
    const body = all.map(([name, options]) => `      ${name}) words="${options}" ;;`).join('\n');
    const script = `_rehearse() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names}"; else
    case "\${COMP_WORDS[1]}" in
${body}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}
complete -o filenames -F _rehearse rehearse
`;
    process.stdout.write(shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script);
    return exitCode.yes;
  },
};

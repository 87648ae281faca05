import type { AlertsOutcome, Result, SilenceOutcome } from '../experiment/result.ts';
import { clock, number } from './words.ts';

/** Times that alerts were active, at most, in a text: the rest is in summary.json. */
const mostSpells = 60;

export const alertsHeader = ['alert', 'labels', 'fires at', 'for'];

/** Every time that an alert fired, in the order of the run; those that only were pending are counted behind. */
export function alertRows({ spells }: AlertsOutcome, playedMicros: number): string[][] {
  const fired = spells.filter((s) => s.firedAt !== null);
  return fired.slice(0, mostSpells).map((spell) => {
    const { alert, firedAt, endedAt } = spell;
    const lasts = number(((endedAt ?? playedMicros) - firedAt!) / 1e6, 's');
    return [alert, spell.shown, clock(firedAt!), endedAt === null ? `${lasts}, still firing` : lasts];
  });
}

/** How many rules could be answered, what they said, and which could not, with the reason. */
export function alertsSays({ rules, spells }: AlertsOutcome): string[] {
  const lacking = rules.filter((r) => r.notAnswerable !== null);
  const fired = spells.filter((s) => s.firedAt !== null);
  const pending = spells.length - fired.length;
  const quiet = rules.filter((r) => r.kind === 'alert' && r.notAnswerable === null && r.fired === 0);
  return [
    `${rules.length - lacking.length} of ${rules.length} rules answerable`,
    fired.length > mostSpells
      ? `${fired.length} times that an alert fired, the first ${mostSpells} above`
      : '',
    pending > 0 ? `${pending} ${pending === 1 ? 'time' : 'times'} an alert was pending and did not fire` : '',
    quiet.length > 0 ? `did not fire: ${[...new Set(quiet.map((r) => r.rule))].join(', ')}` : '',
    ...lacking.map((r) => `not answerable: ${r.rule} of ${r.group} (${r.file}): ${r.notAnswerable}`),
  ].filter((line) => line !== '');
}

/** The commands that silence what the change makes fire; none where it tells nobody. */
export function silenceLines(result: Result): string[] {
  const { alerts } = result;
  if (alerts === undefined) return [];
  return alerts.silences.map((silence) => silenceCommand(silence, result));
}

function silenceCommand({ alert, matchers, from, to, messages }: SilenceOutcome, result: Result): string {
  const begin = Date.parse(result.from);
  const at = (micros: number) =>
    new Date(begin + Math.round(micros / 1e3)).toISOString().replace('.000Z', 'Z');
  const quoted = matchers.map((m) => `'${m.replaceAll("'", "'\\''")}'`).join(' ');
  const told = `${messages} ${messages === 1 ? 'message' : 'messages'} of ${alert} expected`;
  return `amtool silence add ${quoted} --start=${at(from)} --end=${at(to)} --comment='${told}'`;
}

import type { Nested } from '../experiment/nested.ts';
import { number } from './words.ts';

const percent = (x: number) => `${Number((x * 100).toPrecision(3))} %`;

export const nestedHeader = [
  'measure',
  'mean',
  '95 % interval',
  'share of what is not known',
  '95 % interval of it',
  'spread by inputs',
  'spread by chance',
];

/** Measures of nested runs that anything reaches: how much of what each does comes from inputs that nobody knows, the rest from chance. */
export function nestedRows({ measures }: Nested): string[][] {
  return measures.flatMap((m) => {
    if (m.share === null || m.interval === null) return [];
    const of = (low: number, high: number) => `${number(low, m.unit)} .. ${number(high, m.unit)}`;
    return [
      [
        m.name,
        number(m.mean, m.unit),
        of(m.mean - m.halfWidth, m.mean + m.halfWidth),
        percent(m.share),
        m.within === 0 ? 'no chance' : `${percent(m.interval[0])} .. ${percent(m.interval[1])}`,
        number(m.between, m.unit),
        number(m.within, m.unit),
      ],
    ];
  });
}

export function nestedSays({ inputs, runsEach, expectations }: Nested): string[] {
  return [
    `${inputs} draws of the uncertain inputs, each with ${runsEach} runs by chance: the mean's interval is that over the draws; spreads are standard deviations`,
    ...expectations.map(
      (e) =>
        `${e.name}: holds under ${e.holds} of ${e.inputs} draws${e.holdsIn === 1 ? ' in each of their runs' : ` in ${percent(e.holdsIn)} of their runs or more`}: ${percent(e.interval[0])} to ${percent(e.interval[1])} of all`,
    ),
  ];
}

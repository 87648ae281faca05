import type { Fact } from '../../scenario/facts/fact.ts';
import {
  above,
  apart,
  type Interval,
  middle,
  minus,
  over,
  plus,
  scaled,
  sum,
  times,
} from '../../scenario/facts/interval.ts';
import { type Rule, together } from './book.ts';
import { amount, shown, spaced, told } from './words.ts';

/** What two values of one quantity differ by when somebody took one unit for another. */
const slips: readonly (readonly [number, string])[] = [
  [1.048576, 'MB and MiB'],
  [1.073741824, 'GB and GiB'],
  [1.024, 'kB and KiB'],
  [1.099511627776, 'TB and TiB'],
  [8, 'bits and bytes'],
  [1000, 'a unit and the next, a thousand times larger'],
];

/** The reading that makes x and y equal: one was taken for the other. */
export function unitSlip(x: Interval, y: Interval): string | undefined {
  const ratio = Math.abs(Math.log(middle(x) / middle(y)));
  const fits = slips.filter(
    ([factor]) => apart(scaled(x, factor), y) === 0 || apart(x, scaled(y, factor)) === 0,
  );
  const far = (factor: number) => Math.abs(ratio - Math.log(factor));
  const [best] = [...fits].sort(([f], [g]) => far(f) - far(g));
  return best === undefined ? undefined : `${best[1]} were taken for each other`;
}

const oneValue: Rule = {
  name: 'oneValue',
  says: 'a quantity of one subject has one value at one time, and what a list of its settings lacks is not set',
  assumes: 'a fact without a time holds throughout; one with a window is compared with the same window only',
  *find(book) {
    for (const group of book.groups())
      for (const [i, x] of group.entries()) {
        if (repeated.has(x.quantity)) continue;
        for (const y of group.slice(i + 1)) {
          if (!together(x, y)) continue;
          if (x.absent !== y.absent) {
            const [set, lacking] = x.absent ? [y, x] : [x, y];
            yield {
              about: x.subject,
              facts: [set, lacking],
              says: `${told(set)} is stated, and the other source lists what ${x.subject} has without it`,
              reading: 'it was not in force',
            };
            continue;
          }
          if (x.absent || x.window?.[0] !== y.window?.[0]) continue;
          const gap = apart(x.value, y.value);
          if (gap > 0)
            yield {
              about: x.subject,
              facts: [x, y],
              says: `${told(x)}, and elsewhere ${y.printed}: ${gapWords(gap, x)} apart after rounding`,
              reading: x.dimension === 'instant' ? undefined : unitSlip(x.value, y.value),
            };
        }
      }
  },
};

/** Instants that may be told many times, each of its own. */
const repeated: ReadonlySet<string> = new Set(['told', 'running', 'existsSince']);

function gapWords(gap: number, f: Fact): string {
  return amount(gap, f.dimension === 'instant' ? 'duration' : f.dimension);
}

/** Quantities whose whole is the sum of its parts. */
const additive = [
  'diskUsed',
  'diskCapacity',
  'bytesIn',
  'bytesOut',
  'messagesIn',
  'messagesOut',
  'partitions',
  'leaders',
  'replicas',
  'segments',
  'memoryUsed',
  'members',
  'membersDone',
  'records',
] as const;

const sums: Rule = {
  name: 'sums',
  says: 'parts add up to the whole: exactly where every one is listed, else to no more',
  assumes: 'parts of a kind share nothing',
  *find(book) {
    for (const quantity of additive)
      for (const whole of book.all(quantity)) {
        const kinds = new Set(book.parts(whole.subject).map((p) => p.kind));
        for (const kind of kinds) {
          const parts = book.parts(whole.subject).filter((p) => p.kind === kind);
          const facts = parts.flatMap(({ name }) =>
            book
              .of(quantity, name)
              .filter((f) => together(f, whole) && f.window?.[0] === whole.window?.[0])
              .slice(0, 1),
          );
          if (facts.length === 0) continue;
          const all = facts.length === parts.length && book.subject(whole.subject).complete.includes(kind);
          const total = sum(facts.map((f) => f.value));
          const gap = all ? apart(total, whole.value) : above(total, whole.value);
          if (gap === 0) continue;
          yield {
            about: whole.subject,
            facts: [whole, ...facts],
            says: `${spaced(quantity)} of ${facts.length} of kind ${kind} add up to ${shown(total, whole.dimension)}, ${told(whole)}: ${amount(gap, whole.dimension)} ${total[0] > whole.value[1] ? 'too much' : 'too little'} after rounding`,
            reading: unitSlip(total, whole.value),
          };
        }
      }
  },
};

/** A share, what it is a share of, and that of which it is one; the last may be stated of a whole. */
const shares: readonly (readonly [string, string, string])[] = [
  ['diskUsedShare', 'diskUsed', 'diskCapacity'],
  ['memoryUsedShare', 'memoryUsed', 'memoryTotal'],
  ['memoryAvailableShare', 'memoryAvailable', 'memoryTotal'],
  ['heapUsedShare', 'heapUsed', 'heapMax'],
  ['leaderShare', 'leaders', 'partitions'],
  ['recordsDoneShare', 'recordsDone', 'recordsTotal'],
];

const sharesRule: Rule = {
  name: 'shares',
  says: 'a share is the part divided by the whole',
  assumes: 'both are of the same time',
  *find(book) {
    for (const [share, part, whole] of shares)
      for (const s of book.all(share)) {
        const p = book.of(part, s.subject).find((f) => together(f, s));
        const w = book
          .upwards(s.subject)
          .flatMap((name) => book.of(whole, name))
          .find((f) => together(f, s));
        if (p === undefined || w === undefined) continue;
        const is = over(p.value, w.value);
        const gap = apart(is, s.value);
        if (gap > 0)
          yield {
            about: s.subject,
            facts: [s, p, w],
            says: `${p.printed} of ${w.printed} is ${shown(is, 'ratio')}, ${told(s)}`,
            reading: unitSlip(p.value, times(s.value, w.value)),
          };
      }
  },
};

/** The first two add up to the third. */
const complements: readonly (readonly [string, string, string])[] = [
  ['memoryUsed', 'memoryAvailable', 'memoryTotal'],
  ['memoryPeak', 'memoryHeadroom', 'memoryLimit'],
];

const complementsRule: Rule = {
  name: 'complements',
  says: 'what is used and what is left add up to what there is',
  assumes: 'both are of the same time',
  *find(book) {
    for (const [used, left, all] of complements)
      for (const l of book.all(left)) {
        const u = book.of(used, l.subject).find((f) => together(f, l));
        const a = book.of(all, l.subject).find((f) => together(f, l));
        if (u === undefined || a === undefined) continue;
        const total = plus(u.value, l.value);
        const gap = apart(total, a.value);
        if (gap > 0)
          yield {
            about: l.subject,
            facts: [u, l, a],
            says: `${u.printed} used and ${l.printed} left are ${shown(total, l.dimension)}, ${told(a)}: ${amount(gap, l.dimension)} apart`,
            reading: unitSlip(total, a.value),
          };
      }
  },
};

/** The mean over parts, and what it is the mean of. */
const means: readonly (readonly [string, string])[] = [['diskUsedShareMean', 'diskUsedShare']];

const meansRule: Rule = {
  name: 'means',
  says: 'a mean over parts is the mean of what is stated of each',
  assumes: 'every part is listed, and counts the same',
  *find(book) {
    for (const [mean, each] of means)
      for (const m of book.all(mean))
        for (const { facts } of book.wholeKinds(each, m.subject)) {
          const is = scaled(sum(facts.map((f) => f.value)), 1 / facts.length);
          if (apart(is, m.value) > 0)
            yield {
              about: m.subject,
              facts: [m, ...facts],
              says: `the mean of ${facts.map((f) => f.printed).join(', ')} is ${shown(is, m.dimension)}, ${told(m)}`,
            };
        }
  },
};

/** Quantities from small to large. */
const orders: readonly (readonly string[])[] = [
  ['swapMin', 'swapMean', 'swapMax'],
  ['pauseP50', 'pauseP99', 'pauseMax'],
  ['pauseMean', 'pauseMax'],
  ['threads', 'threadsPeak'],
  ['leaders', 'replicas'],
  ['durationMean', 'durationMax'],
  ['durationP50', 'durationP99', 'durationMax'],
  ['cpuBaseline', 'cpuMean', 'cpuPeak'],
  ['cpuShareMean', 'cpuSharePeak'],
  ['memoryUsedShareMean', 'memoryUsedSharePeak'],
  ['lagMessages', 'lagMessagesMax'],
  ['goalsMet', 'goals'],
  ['membersDone', 'members'],
  ['recordsDone', 'recordsTotal'],
  ['diskUsed', 'diskCapacity'],
  ['heapUsed', 'heapMax'],
  ['memoryUsed', 'memoryTotal'],
  ['memoryUsed', 'memoryLimit'],
  ['bytesOut', 'networkOut', 'networkCapacity'],
  ['bytesIn', 'networkIn', 'networkCapacity'],
];

const order: Rule = {
  name: 'order',
  says: 'a minimum is at most the mean, a median at most the 99th percentile, what is used at most what there is',
  assumes: 'both are of the same time and the same subject',
  *find(book) {
    for (const names of orders)
      for (let i = 0; i + 1 < names.length; i += 1)
        for (let j = i + 1; j < names.length; j += 1)
          for (const low of book.all(names[i]!))
            for (const high of book.of(names[j]!, low.subject)) {
              if (!together(low, high)) continue;
              const gap = above(low.value, high.value);
              if (gap > 0)
                yield {
                  about: low.subject,
                  facts: [low, high],
                  says: `${told(low)} is above ${spaced(high.quantity)} ${high.printed}, by ${amount(gap, low.dimension)} at least`,
                  reading: unitSlip(low.value, high.value),
                };
            }
  },
};

const quantileMean: Rule = {
  name: 'quantileMean',
  says: 'a mean of what is never negative is at least (1 - q) times its q-quantile',
  assumes: 'mean and quantile are of the same occurrences',
  *find(book) {
    for (const [quantile, q] of [
      ['pauseP50', 0.5],
      ['pauseP99', 0.99],
    ] as const)
      for (const f of book.all(quantile))
        for (const mean of book.of('pauseMean', f.subject)) {
          if (!together(f, mean)) continue;
          const least = scaled(f.value, 1 - q);
          if (above(least, mean.value) > 0)
            yield {
              about: f.subject,
              facts: [f, mean],
              says: `${told(f)} makes the mean ${shown(least, f.dimension)} at least, ${told(mean)}`,
            };
        }
  },
};

/** A claim that no part departs from the mean by more, and of what. */
const spreads: readonly (readonly [string, string])[] = [
  ['leaderSpread', 'leaders'],
  ['diskSpread', 'diskUsedShare'],
  ['diskGoalBand', 'diskUsedShare'],
];

const spread: Rule = {
  name: 'spread',
  says: 'parts that lie within a share of their mean do so one by one',
  assumes: 'the share is one of the mean, not of the whole',
  *find(book) {
    for (const [bound, each] of spreads)
      for (const b of book.all(bound))
        for (const { facts } of book.wholeKinds(each, b.subject)) {
          // What a goal allows binds only where it is told to be met.
          const met = book.one('goalsMet', b.subject);
          if (bound === 'diskGoalBand' && met === undefined) continue;
          const mean = scaled(sum(facts.map((f) => f.value)), 1 / facts.length);
          const beyond = facts.filter((f) => {
            const most = times(mean, plus([1, 1], [b.value[0], b.value[1]]));
            const least = times(mean, minus([1, 1], b.value));
            return above(f.value, most) > 0 || above(least, f.value) > 0;
          });
          if (beyond.length === 0) continue;
          const off = beyond.map(
            (f) => `${f.subject} ${f.printed} (${percent(middle(f.value) / middle(mean) - 1)})`,
          );
          const total = sum(facts.map((f) => f.value));
          const points = Math.max(
            ...facts.map((f) => Math.abs(middle(f.value) / middle(total) - 1 / facts.length)),
          );
          yield {
            about: b.subject,
            facts: [b, ...(bound === 'diskGoalBand' ? [met!] : []), ...facts],
            says: `all within ${b.printed} of the mean, which is ${shown(mean, facts[0]!.dimension)}, but ${off.join(' and ')}`,
            reading:
              points <= b.value[1]
                ? `percentage points of the whole are meant: the largest departure is ${(points * 100).toFixed(1)}`
                : undefined,
          };
        }
  },
};

function percent(x: number): string {
  return `${x < 0 ? '-' : '+'}${Math.abs(x * 100).toFixed(1)} %`;
}

const improvement: Rule = {
  name: 'improvement',
  says: 'by how much something fell is one less what it is over what it was',
  assumes: 'the earlier fact is before, the later after',
  *find(book) {
    for (const [change, each] of [
      ['pauseP99Improvement', 'pauseP99'],
      ['pauseP50Improvement', 'pauseP50'],
    ] as const)
      for (const c of book.all(change)) {
        const [before, after] = [...book.of(each, c.subject)].sort((x, y) => x.holds.from - y.holds.from);
        if (before === undefined || after === undefined) continue;
        const is = minus([1, 1], over(after.value, before.value));
        if (apart(is, c.value) > 0)
          yield {
            about: c.subject,
            facts: [c, before, after],
            says: `from ${before.printed} to ${after.printed} is ${shown(is, 'ratio')} less, ${told(c)}`,
          };
      }
  },
};

const multiples: Rule = {
  name: 'multiples',
  says: 'a multiple is the amount over the usual one',
  assumes: 'the usual amount is that of the whole that a run belongs to',
  *find(book) {
    for (const m of book.all('recordsTimes')) {
      const own = book.one('recordsTotal', m.subject);
      const usual = book
        .upwards(m.subject)
        .slice(1)
        .map((n) => book.one('recordsTotal', n))
        .find((f) => f !== undefined);
      if (own === undefined || usual === undefined) continue;
      const is = over(own.value, usual.value);
      if (apart(is, m.value) > 0)
        yield {
          about: m.subject,
          facts: [m, own, usual],
          says: `${own.printed} is ${shown(is, 'number')} times ${usual.printed}, ${told(m)}`,
        };
    }
  },
};

/** Counts that can only grow. */
const growing = ['membersDone', 'recordsDone', 'collections', 'endOffset', 'bytesInTotal'] as const;

const neverFalls: Rule = {
  name: 'neverFalls',
  says: 'what is counted from a beginning never falls',
  assumes: 'nothing is restarted between the two',
  *find(book) {
    for (const quantity of growing) {
      const bySubject = new Map<string, Fact[]>();
      for (const f of book.all(quantity))
        if (Number.isFinite(f.holds.from)) bySubject.set(f.subject, [...(bySubject.get(f.subject) ?? []), f]);
      for (const [subject, facts] of bySubject) {
        const sorted = [...facts].sort((x, y) => x.holds.from - y.holds.from);
        for (let i = 1; i < sorted.length; i += 1) {
          const [x, y] = [sorted[i - 1]!, sorted[i]!];
          if (x.holds.to >= y.holds.from || above(x.value, y.value) === 0) continue;
          yield { about: subject, facts: [x, y], says: `${told(x)} is followed by ${y.printed}` };
        }
      }
    }
  },
};

const growth: Rule = {
  name: 'growth',
  usual: true,
  says: 'what is added to a whole shows in its parts',
  assumes: 'additions are spread over the parts as evenly as what was there',
  *find(book) {
    for (const added of book.all('partitionsAdded')) {
      const wholes = book.upwards(added.subject);
      const factor = wholes.map((w) => book.one('replicationFactor', w)).find((f) => f !== undefined);
      for (const whole of wholes)
        for (const [quantity, times_] of [
          ['leaders', [1, 1]],
          ['replicas', factor?.value],
        ] as const) {
          if (times_ === undefined) continue;
          for (const part of book.parts(whole)) {
            const before = book
              .of(quantity, part.name)
              .filter((f) => f.holds.to < added.holds.from)
              .at(-1);
            const after = book.of(quantity, part.name).find((f) => f.holds.from > added.holds.to);
            if (after === undefined) continue;
            const kin = book.parts(whole).filter((p) => p.kind === part.kind);
            const grows = times(added.value, times_);
            const leaders = kin.map((p) =>
              book
                .of('leaders', p.name)
                .filter((f) => f.holds.to < added.holds.from)
                .at(-1),
            );
            const known =
              leaders.every((f) => f !== undefined) && book.subject(whole).complete.includes(part.kind);
            // Without a fact of the time before, an even share of the replicas of all that was led then.
            const was =
              before?.value ??
              (known && quantity === 'replicas'
                ? scaled(times(sum(leaders.map((f) => f!.value)), times_), 1 / kin.length)
                : undefined);
            if (was === undefined || apart(was, after.value) > 0) continue;
            yield {
              about: part.name,
              facts: [
                after,
                ...(before === undefined ? (leaders as Fact[]) : [before]),
                added,
                ...(quantity === 'replicas' && factor !== undefined ? [factor] : []),
              ],
              says: `${spaced(quantity)} of all of kind ${part.kind} grew by ${shown(grows, 'count')}, a ${kin.length}th of which is ${amount(middle(grows) / kin.length, 'count')}, but ${told(after)} afterwards is ${before === undefined ? 'the even share of' : 'just'} what it was before`,
              reading: `all ${shown(grows, 'count')} went to the others, or the later figure was copied`,
            };
          }
        }
    }
  },
};

export const samenessRules: readonly Rule[] = [
  oneValue,
  sums,
  sharesRule,
  complementsRule,
  meansRule,
  order,
  quantileMean,
  spread,
  improvement,
  multiples,
  neverFalls,
  growth,
];

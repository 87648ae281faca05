import type { Fact } from '../../scenario/facts/fact.ts';
import {
  above,
  apart,
  type Interval,
  minus,
  over,
  plus,
  scaled,
  times,
} from '../../scenario/facts/interval.ts';
import { type Book, type Rule, together } from './book.ts';
import { amount, clock, memory, shown, told } from './words.ts';

const duration: Rule = {
  name: 'duration',
  says: 'a duration is the end less the start',
  assumes: 'the duration counts the same start and end as are stated of its subject',
  *find(book) {
    for (const d of book.all('duration')) {
      const start = book.one('started', d.subject);
      const end = book.one('ended', d.subject);
      if (start === undefined || end === undefined) continue;
      const is = minus(end.value, start.value);
      const gap = apart(is, d.value);
      if (gap === 0) continue;
      const other = otherStart(book, d, start, end);
      yield {
        about: d.subject,
        facts: [d, start, end],
        says: `from ${start.printed} to ${end.printed} is ${shown(is, 'duration')}, ${told(d)}: ${amount(gap, 'duration')} ${is[0] > d.value[1] ? 'longer' : 'shorter'} after rounding`,
        reading:
          other === undefined
            ? undefined
            : `it is counted from ${other.printed}, ${other.subject} ${other.quantity}`,
      };
    }
  },
};

/** Another instant of the same subject or of its relatives from which the duration would fit. */
function otherStart(book: Book, d: Fact, start: Fact, end: Fact): Fact | undefined {
  const family = new Set([...book.upwards(d.subject), ...book.parts(d.subject).map((p) => p.name)]);
  for (const name of [...family]) for (const p of [...book.parts(name)]) family.add(p.name);
  return book.facts.find(
    (f) =>
      f.dimension === 'instant' &&
      f !== start &&
      f !== end &&
      (family.has(f.subject) || book.subject(d.subject).on.includes(f.subject)) &&
      apart(minus(end.value, f.value), d.value) === 0,
  );
}

/** When a subject was done at the earliest: as stated, or by what it takes. */
function doneAt(book: Book, subject: string): { at: Interval; facts: readonly Fact[] } | undefined {
  for (const quantity of ['happened', 'ended'] as const) {
    const f = book.one(quantity, subject);
    if (f !== undefined) return { at: f.value, facts: [f] };
  }
  const start = book.one('started', subject);
  const down = book.one('downTime', subject);
  const recovery = book.one('recoveryTime', subject);
  if (start === undefined || down === undefined) return undefined;
  const facts = [start, down, ...(recovery === undefined ? [] : [recovery])];
  return { at: facts.map((f) => f.value).reduce(plus), facts };
}

const procedure: Rule = {
  name: 'procedure',
  says: 'a step begins when the one before has ended and its wait is over',
  assumes: 'steps of one procedure run one at a time, and the wait counts from the recovery',
  *find(book) {
    for (const wait of book.all('stabilisation')) {
      const steps = book
        .parts(wait.subject)
        .flatMap((p) => book.of('started', p.name).slice(0, 1))
        .sort((x, y) => x.value[0] - y.value[0]);
      for (let i = 0; i + 1 < steps.length; i += 1) {
        const done = doneAt(book, steps[i]!.subject);
        const next = steps[i + 1]!;
        if (done === undefined) continue;
        const free = plus(done.at, wait.value);
        const gap = above(free, next.value);
        if (gap > 0)
          yield {
            about: next.subject,
            facts: [...done.facts, wait, next],
            says: `${done.facts.map((f) => f.printed).join(' + ')} and a wait of ${wait.printed} end at ${clock((free[0] + free[1]) / 2)}, but ${next.subject} started at ${next.printed}: ${amount(gap, 'duration')} too early after rounding`,
            reading: 'the wait counts from the beginning of the step, or was cut short',
          };
      }
    }
  },
};

const toldAfter: Rule = {
  name: 'toldAfter',
  says: 'nobody can say that something is done before it is',
  assumes: 'clocks of those who tell and of what is told agree to a second',
  *find(book) {
    for (const t of book.all('told')) {
      const observed = book.facts.find(
        (f) => f.subject === t.subject && f.window !== undefined && Number.isFinite(f.holds.from),
      );
      const done =
        observed === undefined
          ? doneAt(book, t.subject)
          : { at: plus([observed.holds.from, observed.holds.from], observed.window!), facts: [observed] };
      if (done === undefined) continue;
      const gap = above(done.at, t.value);
      if (gap > 0)
        yield {
          about: t.subject,
          facts: [t, ...done.facts],
          says: `told at ${t.printed} that ${t.subject} is done, which by ${observed === undefined ? done.facts.map((f) => f.printed).join(' + ') : `its window of ${shown(observed.window!, 'duration')}`} was at ${clock((done.at[0] + done.at[1]) / 2)}: ${amount(gap, 'duration')} later`,
        };
    }
  },
};

const causeFirst: Rule = {
  name: 'causeFirst',
  says: 'what follows from something comes after it',
  assumes: 'clocks of the two agree to a second',
  *find(book) {
    for (const s of book.everySubject())
      for (const cause of s.after) {
        const first = doneAt(book, cause) ?? from(book, cause);
        const then = book.one('started', s.name) ?? book.one('happened', s.name) ?? book.one('fired', s.name);
        if (first === undefined || then === undefined) continue;
        const gap = above(first.at, then.value);
        if (gap > 0)
          yield {
            about: s.name,
            facts: [then, ...first.facts],
            says: `${told(then)} follows from ${cause}, at ${first.facts.map((f) => f.printed).join(' + ')}: ${amount(gap, 'duration')} later`,
          };
      }
  },
};

function from(book: Book, subject: string): { at: Interval; facts: readonly Fact[] } | undefined {
  const f = book.one('started', subject) ?? book.one('fired', subject);
  return f === undefined ? undefined : { at: f.value, facts: [f] };
}

const stillRunning: Rule = {
  name: 'stillRunning',
  says: 'what has ended does not run',
  assumes: 'it is the same run',
  *find(book) {
    for (const r of book.all('running')) {
      const end = book.one('ended', r.subject);
      if (end !== undefined && above(r.value, end.value) > 0)
        yield {
          about: r.subject,
          facts: [r, end],
          says: `said to run at ${r.printed}, ${amount(above(r.value, end.value), 'duration')} after it ended at ${end.printed}`,
        };
    }
  },
};

const usualDuration: Rule = {
  name: 'usualDuration',
  usual: true,
  says: 'a run takes what runs of its kind take',
  assumes: 'it had what it needed; then a longer one is told to be usual, or started elsewhere than stated',
  *find(book) {
    for (const end of book.all('ended')) {
      // Of an end that is told twice the first is taken; oneValue compares the two.
      if (end !== book.one('ended', end.subject)) continue;
      const start = book.one('started', end.subject);
      if (start === undefined) continue;
      const is = minus(end.value, start.value);
      for (const name of book.upwards(end.subject))
        for (const usual of book.of('durationUsual', name)) {
          const gap = apart(is, usual.value);
          if (gap > 0)
            yield {
              about: end.subject,
              facts: [start, end, usual],
              says: `from ${start.printed} to ${end.printed} is ${shown(is, 'duration')}, usual is ${usual.printed}: ${amount(gap, 'duration')} apart`,
            };
        }
    }
  },
};

const progress: Rule = {
  name: 'progress',
  usual: true,
  says: 'a share of the records takes that share of the time',
  assumes: 'records are done at an even pace',
  *find(book) {
    for (const share of book.all('recordsDoneShare')) {
      const start = book.one('started', share.subject);
      const end = book.one('killed', share.subject) ?? book.one('ended', share.subject);
      if (start === undefined || end === undefined) continue;
      const whole = over(minus(end.value, start.value), share.value);
      for (const name of book.upwards(share.subject))
        for (const usual of book.of('durationUsual', name)) {
          const gap = apart(whole, usual.value);
          if (gap > 0)
            yield {
              about: share.subject,
              facts: [share, start, end, usual],
              says: `${share.printed} from ${start.printed} to ${end.printed} makes ${shown(whole, 'duration')} for all, usual is ${usual.printed}`,
              reading: 'the pace is uneven: what is left takes longer',
            };
        }
    }
  },
};

const containment: Rule = {
  name: 'containment',
  says: 'what contains a step lasts as long as the step',
  assumes: 'it waits for the end of the step',
  *find(book) {
    for (const most of book.all('durationMax'))
      for (const part of book.parts(most.subject)) {
        const step = book.one('downTime', part.name) ?? book.one('duration', part.name);
        if (step === undefined) continue;
        const gap = above(step.value, most.value);
        if (gap > 0)
          yield {
            about: most.subject,
            facts: [most, step],
            says: `${told(most)} at most, but ${part.name} within it took ${step.printed}`,
            reading: 'it does not wait for the step, or others carried it out',
          };
      }
  },
};

const frequency: Rule = {
  name: 'frequency',
  says: 'how often it happened is how often it happens times the window',
  assumes: 'an even pace',
  *find(book) {
    for (const f of book.all('frequency'))
      for (const n of book.of('occurrences', f.subject)) {
        if (n.window === undefined) continue;
        const is = scaled(times(f.value, n.window), 1e-6);
        if (apart(is, n.value) > 0)
          yield {
            about: f.subject,
            facts: [f, n],
            says: `${f.printed} over ${shown(n.window, 'duration')} are ${shown(is, 'count')}, ${told(n)}`,
          };
      }
  },
};

/** A scraper sees a change one interval late at most, the rule another. */
const alertTime: Rule = {
  name: 'alertTime',
  says: 'an alert fires once its condition has held for its time, found at the next scrape and evaluation',
  assumes: 'scrapes are as far apart as evaluations; between two samples the value lies between them',
  *find(book) {
    for (const fired of book.all('fired')) {
      const below = book.one('alertBelow', fired.subject);
      const wait = book.one('alertFor', fired.subject);
      const every = book.one('alertEvery', fired.subject);
      const on = book.subject(fired.subject).in;
      if (below === undefined || wait === undefined || every === undefined || on === undefined) continue;
      const total = book.one('memoryTotal', on);
      if (total === undefined) continue;
      const samples = book
        .of('memoryAvailable', on)
        .filter((f) => Number.isFinite(f.holds.from))
        .sort((x, y) => x.holds.from - y.holds.from);
      const limit = times(below.value, total.value);
      const first = samples.findIndex(
        (f, i) => above(limit, f.value) > 0 && i > 0 && above(samples[i - 1]!.value, limit) > 0,
      );
      if (first < 0) continue;
      const [before, after] = [samples[first - 1]!, samples[first]!];
      const slack = 2 * every.value[1];
      const window: Interval = [before.holds.from + wait.value[0], after.holds.to + wait.value[1] + slack];
      const gap = apart(fired.value, window);
      if (gap === 0) continue;
      const [x, y] = [(before.value[0] + before.value[1]) / 2, (after.value[0] + after.value[1]) / 2];
      const mid = (limit[0] + limit[1]) / 2;
      // A sample holds from half a second before the time that is printed.
      const crossing =
        before.holds.from + 0.5e6 + ((x - mid) / (x - y)) * (after.holds.from - before.holds.from);
      yield {
        about: fired.subject,
        facts: [fired, below, wait, every, total, before, after],
        says: `${below.printed} of ${total.printed} is ${memory(limit)}: ${before.printed} and ${after.printed} left cross it between two samples (in a straight line at ${clock(crossing)}), so that an alert for ${wait.printed} fires by ${clock(window[1])}; it fired at ${fired.printed}, ${amount(gap, 'duration')} ${fired.value[0] > window[1] ? 'later' : 'earlier'}`,
      };
    }
  },
};

const downLimits: Rule = {
  name: 'availability',
  says: 'availability is one less the outage over the window',
  assumes: 'an outage counts whole',
  *find(book) {
    for (const a of book.all('availability'))
      for (const out of book.of('outage', a.subject)) {
        if (a.window === undefined || !together(a, out)) continue;
        const is = minus([1, 1], over(out.value, a.window));
        if (apart(is, a.value) > 0)
          yield {
            about: a.subject,
            facts: [a, out],
            says: `${out.printed} of ${shown(a.window, 'duration')} leave ${(((is[0] + is[1]) / 2) * 100).toFixed(2)} %, ${told(a)}`,
            reading: 'an outage of one service counts with its share of all',
          };
      }
  },
};

export const timeRules: readonly Rule[] = [
  duration,
  procedure,
  toldAfter,
  causeFirst,
  stillRunning,
  usualDuration,
  progress,
  containment,
  frequency,
  alertTime,
  downLimits,
];

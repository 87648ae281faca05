import type { Fact } from '../../scenario/facts/fact.ts';
import { above, apart, minus, over, scaled, sum, times } from '../../scenario/facts/interval.ts';
import { type Rule, together } from './book.ts';
import { clock, memory, shown, told } from './words.ts';

const counterAge: Rule = {
  name: 'counterAge',
  says: 'a counter of a process counts since the process started',
  assumes: 'nothing else counts on over a restart, as a recording rule would',
  *find(book) {
    for (const quantity of ['collections', 'oldCollections', 'pauseTime', 'bytesInTotal'])
      for (const counter of book.all(quantity)) {
        if (counter.window === undefined) continue;
        const starts = book.of('started', counter.subject).filter((s) => s.value[0] <= counter.holds.to);
        const last = starts.at(-1);
        if (last === undefined) continue;
        const age = minus([counter.holds.from, counter.holds.to], last.value);
        const gap = above(counter.window, age);
        if (gap > 0)
          yield {
            about: counter.subject,
            facts: [counter, last],
            says: `${told(counter)} over ${shown(counter.window, 'duration')} was read at ${clock(counter.holds.from)}, ${shown(age, 'duration')} after ${counter.subject} started at ${last.printed}`,
            reading: 'it is the increase over the window, extrapolated across the restart',
          };
      }
  },
};

const counterRate: Rule = {
  name: 'counterRate',
  usual: true,
  says: 'what is counted since something exists is its rate times its age',
  assumes: 'partitions take in alike; the rate was never below half of what it is',
  *find(book) {
    for (const offset of book.all('endOffset')) {
      const topic = book.subject(offset.subject).in;
      if (topic === undefined) continue;
      const since = book.one('existsSince', topic);
      const rate = book.one('messagesIn', topic);
      const parts = book.of('partitions', topic);
      if (since === undefined || rate === undefined || parts.length === 0) continue;
      const most = parts.reduce((x, f) => (f.value[1] > x.value[1] ? f : x));
      const each = over(rate.value, most.value);
      const age = minus([offset.holds.from, offset.holds.to], since.value);
      const least = scaled(times(each, age), 0.5e-6);
      if (above(least, offset.value) > 0)
        yield {
          about: offset.subject,
          facts: [offset, rate, most, since],
          says: `${rate.printed} over ${most.printed} partitions are ${shown(each, 'rate')} each, so that ${offset.printed} are ${shown(scaled(over(offset.value, each), 1e6), 'duration')} of it; ${topic} exists for ${shown(age, 'duration')}`,
          reading: 'the topic was made anew, or most of the traffic is younger',
        };
    }
  },
};

const memoryParts: Rule = {
  name: 'memoryParts',
  says: 'what a container is charged for is at most its limit',
  assumes: 'the parts are charged to it and counted once',
  *find(book) {
    for (const limit of book.all('memoryLimit'))
      for (const names of [
        ['memoryResident', 'memoryCache'],
        ['heapUsed', 'memoryNonHeap'],
      ]) {
        const parts = names.flatMap((q) =>
          book
            .of(q, limit.subject)
            .filter((f) => together(f, limit))
            .slice(0, 1),
        );
        const total = sum(parts.map((f) => f.value));
        const gap = above(total, limit.value);
        if (parts.length > 0 && gap > 0)
          yield {
            about: limit.subject,
            facts: [limit, ...parts],
            says: `${parts.map((f) => f.printed).join(' + ')} are ${memory(total)}, ${told(limit)}: ${memory([gap, gap])} above it after rounding`,
            reading:
              parts.length > 1 ? 'one is counted within the other, or is not charged to it' : undefined,
          };
      }
  },
};

const pageCacheRoom: Rule = {
  name: 'pageCacheRoom',
  says: 'within a limit a larger heap leaves less for the page cache',
  assumes: 'the heap is touched whole, and the limit stayed as it is',
  *find(book) {
    for (const grown of book.all('pageCacheGrowth')) {
      const limit = book.one('memoryLimit', grown.subject);
      const [before, after] = [...book.of('heapMax', grown.subject)].sort(
        (x, y) => x.holds.from - y.holds.from,
      );
      if (limit === undefined || before === undefined || after === undefined) continue;
      const is = minus(before.value, after.value);
      if (apart(is, grown.value) > 0)
        yield {
          about: grown.subject,
          facts: [grown, limit, before, after],
          says: `${limit.printed} less a heap of ${before.printed} left ${memory(minus(limit.value, before.value))}, less ${after.printed} it leaves ${memory(minus(limit.value, after.value))}; told is a growth of ${grown.printed}`,
        };
    }
  },
};

const riseWithinLimit: Rule = {
  name: 'riseWithinLimit',
  usual: true,
  says: 'what a container adds to its node, and gives back, is at most its limit',
  assumes: 'nothing else on the node grows or shrinks at the same time',
  *find(book) {
    for (const limit of book.all('memoryLimit')) {
      const node = book
        .upwards(limit.subject)
        .slice(1)
        .find((n) => book.one('memoryTotal', n) !== undefined);
      if (node === undefined) continue;
      for (const run of book.everySubject()) {
        if (run.name === limit.subject || !book.upwards(run.name).includes(limit.subject)) continue;
        const start = book.one('started', run.name);
        const end = book.one('killed', run.name) ?? book.one('ended', run.name);
        if (start === undefined || end === undefined) continue;
        if (limit.holds.to < end.value[0] || limit.holds.from > start.value[1]) continue;
        const samples = book
          .of('memoryUsed', node)
          .filter((f) => Number.isFinite(f.holds.from))
          .sort((x, y) => x.holds.from - y.holds.from);
        const during = samples.filter(
          (f) => f.holds.to >= start.value[0] - 5e6 && f.holds.from <= end.value[1],
        );
        const after = samples
          .filter((f) => f.holds.from > end.value[0])
          .slice(0, 2)
          .at(-1);
        const [first, last] = [during[0], during.at(-1)];
        if (first === undefined || last === undefined || first === last) continue;
        const changes = [
          [first, last, 'rose'] as const,
          ...(after === undefined ? [] : [[after, last, 'fell'] as const]),
        ];
        for (const [low, high, word] of changes) {
          const is = minus(high.value, low.value);
          const gap = above(is, limit.value);
          if (gap > 0)
            yield {
              about: limit.subject,
              facts: word === 'rose' ? [low, high, limit] : [high, low, limit],
              says: `${node} ${word} from ${word === 'rose' ? low.printed : high.printed} to ${word === 'rose' ? high.printed : low.printed}, by ${memory(is)}, with a container whose limit is ${limit.printed}: ${memory([gap, gap])} are not its own after rounding`,
              reading: 'others on the node changed with it',
            };
        }
      }
    }
  },
};

const renewals: Rule = {
  name: 'renewals',
  usual: true,
  says: 'of a population a renewal period renews each once, so a shorter time renews its share',
  assumes: 'due times are spread evenly over the period; a burst is five standard deviations above that',
  *find(book) {
    for (const done of book.all('membersDone')) {
      const members = book.one('members', done.subject);
      const time = book.one('duration', done.subject);
      const life = book.one('lifetime', done.subject);
      const grace = book.one('renewalGrace', done.subject);
      if (members === undefined || time === undefined || life === undefined || grace === undefined) continue;
      if (apart(done.value, members.value) > 0) continue;
      const due = over(times(members.value, time.value), minus(life.value, grace.value));
      const most = due[1] + 5 * Math.sqrt(due[1]);
      if (above(done.value, [most, most]) > 0)
        yield {
          about: done.subject,
          facts: [done, members, time, life, grace],
          says: `renewed ${grace.printed} before the end of ${life.printed}, ${shown(due, 'count')} of ${members.printed} fall due in ${time.printed}, but ${done.printed} were renewed`,
          reading:
            'something made them renew before they were due: a restart, or a change of what they trust',
        };
    }
  },
};

const memberCost: Rule = {
  name: 'memberCost',
  usual: true,
  says: 'processor time beyond the usual, over what was done with it, is what one costs',
  assumes: 'the work is what raised it',
  *find(book) {
    for (const known of book.all('costPerMember')) {
      const done = book
        .of('membersDone', known.subject)
        .reduce<Fact | undefined>((x, f) => (x === undefined || f.value[1] > x.value[1] ? f : x), undefined);
      const time = book.one('duration', known.subject);
      const base = book.one('cpuBaseline', known.subject);
      const busy = book.parts(known.subject).flatMap((p) => book.of('cpuMean', p.name).slice(0, 1));
      if (done === undefined || time === undefined || base === undefined || busy.length === 0) continue;
      const extra = minus(sum(busy.map((f) => f.value)), scaled(base.value, busy.length));
      const each = over(times(extra, time.value), done.value);
      if (above(each, known.value) > 0)
        yield {
          about: known.subject,
          facts: [known, ...busy, base, time, done],
          says: `${busy.map((f) => f.printed).join(' + ')} less ${busy.length} x ${base.printed} for ${time.printed} are ${shown(times(extra, time.value), 'duration')} of a processor, ${shown(each, 'duration')} for each of ${done.printed}; known is ${known.printed}`,
          reading: 'something else ran at the same time',
        };
    }
  },
};

const remainingLife: Rule = {
  name: 'remainingLife',
  says: 'what lives for a time has no more than that left',
  assumes: 'the claim is about the same members',
  *find(book) {
    for (const claim of book.all('nothingExpiresWithin')) {
      const life = book.one('lifetime', claim.subject);
      if (life !== undefined && above(claim.value, life.value) > 0)
        yield {
          about: claim.subject,
          facts: [claim, life],
          says: `nothing expires within ${claim.printed}, but ${claim.subject} lives for ${life.printed}`,
          reading: 'others than these are meant',
        };
    }
  },
};

export const processRules: readonly Rule[] = [
  counterAge,
  counterRate,
  memoryParts,
  pageCacheRoom,
  riseWithinLimit,
  renewals,
  memberCost,
  remainingLife,
];

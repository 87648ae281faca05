import type { Fact } from '../../scenario/facts/fact.ts';
import {
  above,
  apart,
  type Interval,
  minus,
  over,
  plus,
  scaled,
  sum,
  times,
} from '../../scenario/facts/interval.ts';
import { type Book, type Rule, together } from './book.ts';
import { unitSlip } from './sameness.ts';
import { amount, shown, told } from './words.ts';

/** A quantity of a whole: as stated of it, else the sum over all of its parts of one kind. */
function whole(
  book: Book,
  quantity: string,
  subject: string,
): { value: Interval; facts: readonly Fact[] } | undefined {
  const own = book.one(quantity, subject);
  if (own !== undefined) return { value: own.value, facts: [own] };
  return summed(book, quantity, subject);
}

function summed(
  book: Book,
  quantity: string,
  subject: string,
): { value: Interval; facts: readonly Fact[] } | undefined {
  const [parts] = book.wholeKinds(quantity, subject);
  return parts === undefined
    ? undefined
    : { value: sum(parts.facts.map((f) => f.value)), facts: parts.facts };
}

const perSecond = (rate: Interval, micros: Interval): Interval => scaled(times(rate, micros), 1e-6);

const retention: Rule = {
  name: 'retention',
  says: 'what is written within the retention time lies on the disks, once for each replica, and they must hold it',
  assumes: 'the rate has been steady for the retention time, and only its end removes anything',
  *find(book) {
    for (const kept of book.all('retention')) {
      const bytesIn = book.one('bytesIn', kept.subject);
      const copies = book.nearest('replicationFactor', kept.subject);
      if (bytesIn === undefined || copies === undefined) continue;
      const needed = times(perSecond(bytesIn.value, kept.value), copies.value);
      for (const quantity of ['diskUsed', 'diskCapacity']) {
        for (const name of book.upwards(kept.subject)) {
          const disk = whole(book, quantity, name);
          if (disk === undefined) continue;
          const gap = above(needed, disk.value);
          if (gap > 0)
            yield {
              about: kept.subject,
              facts: [kept, bytesIn, copies, ...disk.facts],
              says: `${bytesIn.printed} x ${copies.printed} x ${kept.printed} is ${shown(needed, 'bytes')}, ${quantity === 'diskUsed' ? 'on the disks are' : 'the disks hold'} ${shown(disk.value, 'bytes')}: ${amount(needed[0] / disk.value[1], 'number')} times as much`,
              reading: `what is there is ${shown(scaled(over(disk.value, times(bytesIn.value, copies.value)), 1e6), 'duration')} of it: something else ends retention`,
            };
          break;
        }
      }
    }
  },
};

const segmentsFit: Rule = {
  name: 'segments',
  says: 'a segment that is closed is full, so only the last of each partition is smaller',
  assumes: 'segments are closed by size, not by time, and nothing is compacted',
  *find(book) {
    for (const n of book.all('segments')) {
      const size = book.nearest('segmentBytes', n.subject);
      const replicas = book.one('replicas', n.subject);
      const used = book.one('diskUsed', n.subject);
      if (size === undefined || replicas === undefined || used === undefined) continue;
      const least = times(minus(n.value, replicas.value), size.value);
      const most = times(n.value, size.value);
      const facts = [n, replicas, size, used];
      if (above(least, used.value) > 0)
        yield {
          about: n.subject,
          facts,
          says: `${n.printed} segments of which all but ${replicas.printed} are closed at ${size.printed} are ${shown(least, 'bytes')} at least, ${told(used)}`,
          reading: `segments were closed at ${amount(used.value[1] / n.value[0], 'bytes')} on average, by time`,
        };
      else if (above(used.value, most) > 0)
        yield {
          about: n.subject,
          facts,
          says: `${n.printed} segments of ${size.printed} hold ${shown(most, 'bytes')} at most, ${told(used)}`,
        };
    }
  },
};

const replicationOut: Rule = {
  name: 'replicationOut',
  says: 'a leader sends what it takes in to each follower, and to consumers what they fetch',
  assumes:
    'what a broker takes in is what its leaders do; replication is not counted among what consumers fetch',
  *find(book) {
    for (const out of subjectsWith(book, 'networkOut')) {
      const bytesIn = book.one('bytesIn', out.subject);
      const copies = book.nearest('replicationFactor', out.subject);
      if (bytesIn === undefined || copies === undefined) continue;
      const fetched = book.one('bytesOut', out.subject);
      const replication = times(bytesIn.value, minus(copies.value, [1, 1]));
      const needed = fetched === undefined ? replication : plus(replication, fetched.value);
      const gap = above(needed, out.value);
      if (gap > 0)
        yield {
          about: out.subject,
          facts: [...out.facts, bytesIn, copies, ...(fetched === undefined ? [] : [fetched])],
          says: `${bytesIn.printed} go to ${amount(copies.value[0] - 1, 'count')} followers, which is ${shown(replication, 'byteRate')}${fetched === undefined ? '' : `, and ${fetched.printed} to consumers: ${shown(needed, 'byteRate')}`}; sent are ${shown(out.value, 'byteRate')}, ${amount(gap, 'byteRate')} too little after rounding`,
          reading:
            fetched !== undefined && apart(fetched.value, out.value) === 0
              ? 'what is sent counts consumers alone'
              : undefined,
        };
    }
  },
};

const replicationIn: Rule = {
  name: 'replicationIn',
  says: 'every replica of what producers send comes in over the network',
  assumes: 'all replicas are on the brokers that are summed',
  *find(book) {
    for (const taken of subjectsWith(book, 'networkIn')) {
      if (taken.facts.length === 1 && taken.facts[0]!.subject !== taken.subject) continue;
      const bytesIn = book.one('bytesIn', taken.subject);
      const copies = book.one('replicationFactor', taken.subject);
      if (bytesIn === undefined || copies === undefined) continue;
      const needed = times(bytesIn.value, copies.value);
      const gap = above(needed, taken.value);
      if (gap > 0)
        yield {
          about: taken.subject,
          facts: [...taken.facts, bytesIn, copies],
          says: `${bytesIn.printed} in ${copies.printed} replicas are ${shown(needed, 'byteRate')}; taken in are ${shown(taken.value, 'byteRate')}, ${amount(gap, 'byteRate')} too little after rounding`,
          reading:
            apart(taken.value, bytesIn.value) === 0
              ? 'what is taken in counts producers alone, not replication'
              : undefined,
        };
    }
  },
};

/** Every subject of which a quantity is known: stated, or by its parts. */
function subjectsWith(
  book: Book,
  quantity: string,
): readonly { subject: string; value: Interval; facts: readonly Fact[] }[] {
  return [...book.everySubject()].flatMap(({ name }) => {
    const found = whole(book, quantity, name);
    return found === undefined ? [] : [{ subject: name, ...found }];
  });
}

const sinkRate: Rule = {
  name: 'sinkRate',
  usual: true,
  says: 'a sink that keeps up writes what its topic takes in',
  assumes: 'it filters nothing, and reads one whole topic; the rate has been steady for the window',
  *find(book) {
    for (const s of book.everySubject()) {
      if (s.on.length === 0) continue;
      const written = book.one('records', s.name);
      if (written?.window === undefined) continue;
      const rate = scaled(over(written.value, written.window), 1e6);
      const topics = s.on.flatMap((t) => book.of('messagesIn', t).slice(0, 1));
      if (topics.length === 0 || topics.some((t) => apart(rate, t.value) === 0)) continue;
      const volume = book.of('bytesWritten', s.name).find((f) => f.window?.[0] === written.window![0]);
      const size = volume === undefined ? undefined : over(volume.value, written.value);
      yield {
        about: s.name,
        facts: [written, ...(volume === undefined ? [] : [volume]), ...topics],
        says: `${written.printed} in ${shown(written.window, 'duration')} are ${shown(rate, 'rate')}${size === undefined ? '' : `, ${shown(size, 'bytes')} each`}, but ${topics.map((t) => `${t.subject} takes in ${t.printed}`).join(' and ')}`,
        reading: 'it filters, or falls behind',
      };
    }
  },
};

const little: Rule = {
  name: 'little',
  says: "what waits is what arrives times how long it waits (Little's law)",
  assumes: 'both are of one time, in a steady state; the oldest waits longest',
  *find(book) {
    for (const lag of book.all('lagMessages'))
      for (const age of book.of('lagTime', lag.subject)) {
        const rate = book.nearest('messagesOut', lag.subject);
        if (rate === undefined || !together(lag, age)) continue;
        const is = perSecond(rate.value, age.value);
        if (apart(is, lag.value) > 0)
          yield {
            about: lag.subject,
            facts: [lag, age, rate],
            says: `${rate.printed} for ${age.printed} are ${shown(is, 'count')}, ${told(lag)}`,
            reading: unitSlip(is, lag.value),
          };
      }
  },
};

const messageSize: Rule = {
  name: 'messageSize',
  says: 'what is read is as large on average as something that is written',
  assumes: 'every record that is read was written to a listed topic, as it is',
  *find(book) {
    for (const out of book.all('bytesOut')) {
      const count = book.one('messagesOut', out.subject);
      if (count === undefined) continue;
      const kinds = book.wholeKinds('bytesIn', out.subject);
      for (const { facts } of kinds) {
        const sizes = facts.flatMap((f) => {
          const n = book.one('messagesIn', f.subject);
          return n === undefined ? [] : [{ size: over(f.value, n.value), facts: [f, n] }];
        });
        if (sizes.length !== facts.length) continue;
        const all: Interval = [
          Math.min(...sizes.map((s) => s.size[0])),
          Math.max(...sizes.map((s) => s.size[1])),
        ];
        const is = over(out.value, count.value);
        if (apart(is, all) > 0)
          yield {
            about: out.subject,
            facts: [out, count, ...sizes.flatMap((s) => s.facts)],
            says: `${out.printed} in ${count.printed} are ${shown(is, 'bytes')} each, but what is written is between ${shown(all, 'bytes')}`,
            reading: unitSlip(is, all),
          };
      }
    }
  },
};

const underReplicated: Rule = {
  name: 'underReplicated',
  says: 'while a broker is away every partition with a replica on it is under-replicated',
  assumes: 'no replica was moved away before',
  *find(book) {
    for (const [seen, says] of [
      ['underReplicatedPeak', 'were under-replicated at most'],
      ['partitionsRecovered', 'are told to have come back'],
    ] as const)
      for (const peak of book.all(seen)) {
        const on = book.subject(peak.subject).on[0];
        if (on === undefined) continue;
        const hosted = book.one('replicas', on) ?? book.one('leaders', on);
        if (hosted === undefined) continue;
        const gap = above(hosted.value, peak.value);
        if (gap > 0)
          yield {
            about: peak.subject,
            facts: [peak, hosted],
            says: `${told(hosted)}, each a partition that lacks a replica while ${on} is away, but ${peak.printed} ${says}`,
          };
      }
  },
};

const transfer: Rule = {
  name: 'transfer',
  usual: true,
  says: 'what is moved is the rate times the duration',
  assumes: 'the transfer runs at its stated rate all the time',
  *find(book) {
    for (const moved of book.all('bytesMoved'))
      for (const rate of book.of('transferRate', moved.subject))
        for (const time of book.of('duration', moved.subject)) {
          const is = perSecond(rate.value, time.value);
          if (apart(is, moved.value) > 0)
            yield {
              about: moved.subject,
              facts: [moved, rate, time],
              says: `${moved.printed} at ${rate.printed} take ${shown(scaled(over(moved.value, rate.value), 1e6), 'duration')}, ${time.printed} at that rate move ${shown(is, 'bytes')}`,
              reading: `on average it ran at ${shown(scaled(over(moved.value, time.value), 1e6), 'byteRate')}: the stated rate is a bound that did not bind`,
            };
        }
  },
};

const movedWasWritten: Rule = {
  name: 'movedWasWritten',
  says: 'what is new holds no more than was written to it since it exists',
  assumes: 'what is written is spread evenly over the partitions',
  *find(book) {
    for (const moved of book.all('bytesMoved')) {
      const fresh = book.subject(moved.subject).on[0];
      if (fresh === undefined) continue;
      const since = book.one('happened', fresh);
      const start = book.one('started', moved.subject);
      const part = book.one('partitions', fresh);
      const topic = book.subject(fresh).in;
      if (since === undefined || start === undefined || part === undefined || topic === undefined) continue;
      const all = book.of('partitions', topic).find((f) => f.holds.to >= start.value[0]);
      const rate = book.one('bytesIn', topic);
      const copies = book.nearest('replicationFactor', topic);
      if (all === undefined || rate === undefined || copies === undefined) continue;
      const share = over(part.value, all.value);
      const most = times(times(perSecond(rate.value, minus(start.value, since.value)), share), copies.value);
      const gap = above(moved.value, most);
      if (gap > 0)
        yield {
          about: moved.subject,
          facts: [moved, part, since, start, rate, all, copies],
          says: `${part.printed} of ${all.printed} partitions exist from ${since.printed} and took in ${shown(most, 'bytes')} in ${copies.printed} replicas by ${start.printed}, but ${moved.printed} were moved`,
          reading: 'replicas that were there before were moved',
        };
    }
  },
};

const zoneTraffic: Rule = {
  name: 'zoneTraffic',
  usual: true,
  says: 'what crosses zones is paid for',
  assumes:
    'replicas are spread over hosts and clients over zones, both evenly; nobody fetches from the nearest replica',
  *find(book) {
    for (const cost of book.all('dollarsADay')) {
      const price = book.one('dollarsAGigabyte', cost.subject);
      const bytesIn = book.one('bytesIn', cost.subject);
      const bytesOut = book.one('bytesOut', cost.subject);
      const copies = book.one('replicationFactor', cost.subject);
      if (price === undefined || bytesIn === undefined || copies === undefined) continue;
      const hosts = book.parts(cost.subject).filter((p) => p.zone !== undefined);
      const count = (zone: string | undefined) => hosts.filter((h) => h.zone === zone).length;
      const zones = new Set(hosts.map((h) => h.zone)).size;
      if (zones < 2) continue;
      const across =
        hosts.reduce((x, h) => x + (hosts.length - count(h.zone)) / (hosts.length - 1), 0) / hosts.length;
      const replication = scaled(times(bytesIn.value, minus(copies.value, [1, 1])), across);
      const clients = scaled(plus(bytesIn.value, bytesOut?.value ?? [0, 0]), 1 - 1 / zones);
      const dollars = scaled(times(plus(replication, clients), price.value), 86_400 / 1e9);
      const gap = above(dollars, cost.value);
      if (gap > 0)
        yield {
          about: cost.subject,
          facts: [cost, price, bytesIn, copies, ...(bytesOut === undefined ? [] : [bytesOut])],
          says: `replication crosses zones with ${shown(replication, 'byteRate')}, clients with ${shown(clients, 'byteRate')}: at ${price.printed} dollars a GB ${shown(dollars, 'number')} a day, more than the ${cost.printed} of everything`,
          reading: 'rates are of the peak, clients fetch within their zone, or transfer is not in the bill',
        };
    }
  },
};

export const flowRules: readonly Rule[] = [
  retention,
  segmentsFit,
  replicationOut,
  replicationIn,
  sinkRate,
  little,
  messageSize,
  underReplicated,
  transfer,
  movedWasWritten,
  zoneTraffic,
];

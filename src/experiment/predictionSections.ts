import { quantityWords, spanWords } from '../formats/quantity.ts';
import { starvedText } from '../models/kafka/partitionFindings.ts';
import type { CopyLimit } from '../models/kafka/replication.ts';
import { bindingSide, type GroupImpact, type Impact, type Prediction } from './prediction.ts';
import type { Cell, Section } from './rebalance.ts';

const limitWords: Readonly<Record<CopyLimit, (broker: number) => string>> = {
  outbound: (b) => `the network card of broker ${b}, outbound,`,
  inbound: (b) => `the network card of broker ${b}, inbound,`,
  'disk read': (b) => `the disk of broker ${b}, reading,`,
  'disk write': (b) => `the disk of broker ${b}, writing,`,
  'leader throttle': (b) => `the leader throttle of broker ${b}`,
  'follower throttle': (b) => `the follower throttle of broker ${b}`,
  'fetcher threads': (b) => `the pace of the fetcher threads of broker ${b}`,
};

/** A prediction for a reader. */
export function predictionSections(prediction: Prediction): Section[] {
  const { by, end, seconds, why } = prediction;
  const title =
    by === 'executor'
      ? "Played by Cruise Control's executor"
      : 'Played as kafka-reassign-partitions executes it';
  if (end === 'refused') return [{ title, header: [], rows: [], sentences: [`not played: ${why}`] }];
  const time = (value: number): Cell => ({ value, unit: 's' });
  const side = bindingSide(prediction);
  const binding =
    side.broker === null
      ? `it waits for checks of progress longest, ${spanWords(1e6 * side.seconds)}`
      : `${limitWords[side.limit as CopyLimit](side.broker)} holds it back longest, ${spanWords(1e6 * side.seconds)}`;
  const rows: Cell[][] = [
    end === 'never'
      ? ['takes', 'for ever', binding]
      : [
          end === 'open' ? 'takes more than' : prediction.astray > 0 ? 'stops after' : 'takes',
          time(seconds),
          binding,
        ],
  ];
  if (prediction.copiedBytes > 0 || prediction.leftBytes > 0)
    rows.push([
      'bytes copied',
      { value: prediction.copiedBytes, unit: 'B' },
      'with what was produced meanwhile',
    ]);
  if (end !== 'done')
    rows.push([
      'bytes left to copy',
      { value: prediction.leftBytes, unit: 'B' },
      `after ${spanWords(1e6 * seconds)}, of what had begun`,
    ]);
  if (by === 'executor' && prediction.idleSeconds >= 1)
    rows.push([
      'copies nothing for',
      time(prediction.idleSeconds),
      'between checks of progress, and while leaders move',
    ]);
  for (const { request, acks, without, during } of prediction.latencyP99Ms)
    rows.push([
      request === 'Produce' ? `produce p99, acks=${acks}` : 'fetch p99',
      { before: without, after: during, unit: 'ms' },
      `at clients, without -> with the moves, over ${spanWords(1e6 * prediction.sampledSeconds)}`,
    ]);
  const worst = prediction.lag.reduce<GroupImpact | undefined>(
    (most, g) => (most === undefined || g.during > most.during ? g : most),
    undefined,
  );
  if (worst !== undefined)
    rows.push([
      'worst lag on a topic',
      { before: worst.without, after: worst.during, unit: 'messages' },
      worst.group,
    ]);
  rows.push([
    'under min ISR',
    prediction.underMinIsrMinutes > 0 ? { value: prediction.underMinIsrMinutes, unit: 'min' } : 'never',
    '',
  ]);
  if (prediction.failedSends > 0)
    rows.push(['sends that failed', { value: prediction.failedSends, unit: '' }, '']);
  return [{ title, header: [], rows, sentences: sentencesOf(prediction) }, peaksSection(prediction)];
}

function sentencesOf(prediction: Prediction): string[] {
  const { end, starved, suffices, leftSeconds, astray, why } = prediction;
  const told = starved.map(starvedText);
  if (end === 'never' && starved.length === 0)
    told.push('nothing that is under way comes nearer to its end: a source or a destination is down');
  if (suffices !== null)
    told.push(
      `tried: with a throttle of ${quantityWords(suffices.throttle, 'byteRate')} all of it ends, after ${spanWords(1e6 * suffices.seconds)}`,
    );
  if (end === 'open' && leftSeconds !== null)
    told.push(`at the pace that it has then, what has begun takes ${spanWords(1e6 * leftSeconds)} more`);
  if (astray > 0)
    told.push(
      `${astray} ${astray === 1 ? 'partition is' : 'partitions are'} not where the plan puts them: ${why}`,
    );
  return told;
}

function peaksSection({ peaks }: Prediction): Section {
  const pair = ({ without, during }: Impact, unit: string, per = 1): Cell => ({
    before: per > 0 ? without / per : 0,
    after: per > 0 ? during / per : 0,
    unit,
  });
  return {
    title: 'Highest of each broker, without -> with the moves',
    header: ['broker', 'disk used', 'of disk', 'network in', 'network out'],
    rows: peaks.map((p) => [
      String(p.broker),
      pair(p.diskBytes, 'B'),
      pair(p.diskBytes, 'ratio', p.diskCapacityBytes),
      pair(p.inboundBytesPerSecond, 'B/s'),
      pair(p.outboundBytesPerSecond, 'B/s'),
    ]),
    sentences: [],
  };
}

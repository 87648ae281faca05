import type { KafkaCluster } from '../models/kafka/cluster.ts';
import {
  crossingWithFollowerFetching,
  fullAfter,
  type GrowingBroker,
  growingBrokers,
  mostPartitionsOfBroker,
} from '../models/kafka/growth.ts';
import type { Curve } from '../models/workload/curve.ts';
import { exactValue } from '../promql/exact.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { catalogue } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';
import { allNodes } from '../scenario/nodeSettings.ts';
import type { HardwareSettings } from '../scenario/parts/hardware.ts';
import type { KubernetesSettings } from '../scenario/parts/kubernetes.ts';
import { formatTime, parseTime } from '../scenario/time.ts';
import type { Answer, Mark } from './answer.ts';
import { labelText } from './judge.ts';
import type { Cell, Section } from './rebalance.ts';
import { overPlayed } from './reliability.ts';
import type { ReplicationRow } from './replication.ts';
import type { Shown } from './run.ts';
import { judgePoint } from './sweep.ts';
import { CannotVary, type Factor, inUnit, type Point, splitNumber } from './variations.ts';

const dayMicros = 86_400e6;
/** Mean lengths in the Gregorian calendar. */
const days = { day: 1, week: 7, month: 30.436875, quarter: 91.310625, year: 365.2425 } as const;
const hoursPerMonth = days.month * 24;

/** Growth of a load, as a share in a period, from the least to the most that is believed. */
export interface Growth {
  readonly low: number;
  readonly high: number;
  readonly periodMicros: number;
  readonly text: string;
}

/** `40%/quarter`, or `30%..50%/quarter`. @throws CannotVary */
export function parseGrowth(text: string): Growth {
  const found = /^(-?\d+(?:\.\d+)?)%(?:\.\.(-?\d+(?:\.\d+)?)%)?\/(day|week|month|quarter|year)$/.exec(
    text.replace(/\s/g, ''),
  );
  if (found === null)
    throw new CannotVary(
      `${text} is no growth`,
      'write a share in a period, as in 40%/quarter, or a range of it, as in 30%..50%/quarter; periods are day, week, month, quarter and year',
    );
  const low = Number(found[1]) / 100;
  const high = found[2] === undefined ? low : Number(found[2]) / 100;
  if (!(low > -1) || high < low || high > 100)
    throw new CannotVary(
      `${text} is no growth`,
      'write the smaller share first, above -100 % and up to 10000 %',
    );
  return { low, high, periodMicros: days[found[3] as keyof typeof days] * dayMicros, text };
}

const middleOf = (g: Growth) => Math.sqrt((1 + g.low) * (1 + g.high)) - 1;
const perSecondOf = (share: number, g: Growth) => (Math.log1p(share) / g.periodMicros) * 1e6;
/** How long a load takes to be `factor` times what it is, microseconds; Infinity when it does not grow there. */
function timeTo(factor: number, share: number, g: Growth): number {
  if (factor <= 1) return 0;
  return share <= 0 ? Number.POSITIVE_INFINITY : (Math.log(factor) / Math.log1p(share)) * g.periodMicros;
}

export interface ForecastRequest {
  readonly growth: Growth;
  /** Growth of the number of partitions; null: it stays. */
  readonly partitions: Growth | null;
  readonly horizonMicros: number;
  /** What grows: settings by their path. */
  readonly paths: readonly string[];
  readonly runs: number;
}

/** A probe: the scenario with its load at so many times today's. */
export interface Probe {
  readonly factor: number;
  readonly rows: readonly ReplicationRow[];
}

const probes = 9;
/** A load is known to so much. */
const nearEnough = 1.01;

/** A setting that grows, at so many times of what it says. @throws CannotVary for what is no number */
export function grown(resolved: unknown, path: string, factor: number): string | number {
  if (path === 'workload.scale') {
    const scale = ((resolved as { workload?: { scale?: number } }).workload?.scale ?? 1) as number;
    return inUnit(scale * factor, '') as number;
  }
  const value = valueAt(resolved, path);
  const parts = splitNumber(String(value));
  if (parts === undefined)
    throw new CannotVary(
      `${path} is ${JSON.stringify(value)}, which cannot grow`,
      'name a setting that is a number',
    );
  // A count stays a whole one.
  const next = parts.number * factor;
  return inUnit(
    Number.isInteger(parts.number) && parts.unit === '' ? Math.round(next) : next,
    parts.unit,
  ) as string;
}

function valueAt(node: unknown, path: string): unknown {
  let at: unknown = node;
  const rest = path.split('.');
  while (rest.length > 0) {
    let n = rest.length;
    let next: unknown;
    for (; n >= 1; n -= 1) {
      const word = rest.slice(0, n).join('.');
      next = Array.isArray(at)
        ? (at as Record<string, unknown>[]).find((e) => String(e.id ?? e.name) === word)
        : (at as Record<string, unknown> | null)?.[word];
      if (next !== undefined) break;
    }
    if (next === undefined)
      throw new CannotVary(`${path} names nothing`, 'name a setting of the scenario by its path');
    at = next;
    rest.splice(0, n);
  }
  const held = at as { value?: unknown } | null;
  return typeof held === 'object' && held !== null && 'value' in held ? held.value : at;
}

export const factorsAt = (scenario: Scenario, request: ForecastRequest): readonly Factor[] =>
  request.paths.map((path) => ({ path, values: [grown(scenario.resolved, path, 1)] }));
export const pointAt = (scenario: Scenario, request: ForecastRequest, factor: number): Point =>
  request.paths.map((path) => grown(scenario.resolved, path, factor));

/** The smallest value that a share of them does not exceed; some may be infinite. */
function rank(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
}
const median = (values: readonly number[]) => rank(values, 0.5);

/** What gives out as load grows: a resource, or an expectation. */
interface Limit {
  readonly name: string;
  readonly kind: 'resource' | 'expectation';
  /** What it is today, in words. */
  readonly today: string;
  /** By run: how many times today's load it bears; Infinity where more than was played. */
  readonly factors: readonly number[];
}

const resources = catalogue.risks.flatMap((r, i) =>
  r.full === undefined ? [] : [{ ...r, full: r.full, i }],
);

/** Whether a probe lies beyond a limit: in any run. */
function beyond(scenario: Scenario, probe: Probe): readonly boolean[] {
  const judged = judgePoint(scenario, [], probe.rows);
  return [
    ...resources.map(({ i, full }) => probe.rows.some((row) => (row.risks[i] ?? 0) > full)),
    ...judged.expectations.map(
      (e) => (e.verdict ?? (e.held === probe.rows.length ? 'pass' : 'fail')) !== 'pass',
    ),
  ];
}

/**
 * Plays the load from today's to what it is at the horizon under the most growth, in steps of one ratio; between the last step at which something holds and the first at
 * which it does not, the ratio is halved until it is known to 1 %.
 */
export function* probe(
  scenario: Scenario,
  request: ForecastRequest,
): Generator<readonly number[], readonly Probe[], readonly Probe[]> {
  const { growth, horizonMicros } = request;
  const most = Math.exp((Math.log1p(growth.high) * horizonMicros) / growth.periodMicros);
  const first =
    most <= 1 ? [1] : Array.from({ length: probes }, (_, k) => Math.exp((Math.log(most) * k) / (probes - 1)));
  let played: readonly Probe[] = yield first;
  for (;;) {
    const over = played.map((p) => beyond(scenario, p));
    const wanted = new Set<number>();
    over[0]!.forEach((_, limit) => {
      const at = over.findIndex((o) => o[limit]);
      if (at < 1) return;
      const [low, high] = [played[at - 1]!.factor, played[at]!.factor];
      if (high / low > nearEnough) wanted.add(Math.sqrt(low * high));
    });
    if (wanted.size === 0) return played;
    const more = yield [...wanted].sort((a, b) => a - b);
    played = [...played, ...more].sort((a, b) => a.factor - b.factor);
  }
}

/** How many times today's load each limit bears, by run. */
function limitsOf(scenario: Scenario, played: readonly Probe[]): readonly Limit[] {
  const runs = played[0]!.rows.length;
  const perRun = (isBeyond: (row: ReplicationRow) => boolean) =>
    Array.from({ length: runs }, (_, r) => {
      const at = played.findIndex((p) => isBeyond(p.rows[r]!));
      if (at < 0) return Number.POSITIVE_INFINITY;
      return at === 0 ? 1 : Math.sqrt(played[at - 1]!.factor * played[at]!.factor);
    });
  const today = played[0]!;
  /** An expectation about a share of runs gives out once for all of them. */
  const byShare = (k: number) => {
    const at = played.findIndex((p) => beyond(scenario, p)[resources.length + k]);
    if (at < 0) return Number.POSITIVE_INFINITY;
    return at === 0 ? 1 : Math.sqrt(played[at - 1]!.factor * played[at]!.factor);
  };
  return [
    ...resources.flatMap(({ i, full, says, unit }): Limit[] => {
      const values = today.rows.flatMap((row) => row.risks[i] ?? []);
      if (values.length === 0) return [];
      const share = (x: number) => (unit === 'ratio' ? `${(x * 100).toFixed(1)} %` : String(x));
      return [
        {
          name: says,
          kind: 'resource',
          today: full === 0 ? share(median(values)) : `${share(median(values))} of ${share(full)}`,
          factors: perRun((row) => (row.risks[i] ?? 0) > full),
        },
      ];
    }),
    ...scenario.expect.map((e, k): Limit => {
      const held = today.rows.filter((row) => row.held[k] === true).length;
      return {
        name: e.name,
        kind: 'expectation',
        today: `holds in ${held} of ${runs}`,
        factors: e.holdsIn === undefined ? perRun((row) => row.held[k] !== true) : [byShare(k)],
      };
    }),
  ];
}

/** A moment that is believed, and the earliest and latest that growth and chance allow; microseconds from today, Infinity for never. */
interface Moment {
  readonly middle: number;
  readonly early: number;
  readonly late: number;
}

function momentOf(factors: readonly number[], g: Growth): Moment {
  return {
    middle: timeTo(median(factors), middleOf(g), g),
    early: timeTo(rank(factors, 0.05), g.high, g),
    late: timeTo(rank(factors, 0.95), g.low, g),
  };
}

/** Disks of every broker, and the shares that cross zones, as the run of today shows them. */
interface Disks {
  readonly brokers: readonly GrowingBroker[];
  readonly held: boolean;
  readonly crossing: number;
}

function disksOf(shown: Shown): Disks | undefined {
  const cluster = shown.built.models.kafka as KafkaCluster | undefined;
  if (cluster === undefined) return undefined;
  const curves = (shown.built.models.workload ?? []) as readonly Curve[];
  const mean = curves.map((c) => c.integral(0, dayMicros) / (dayMicros / 1e6));
  const read = (name: string, broker: number) =>
    shown.series
      .of(name)
      .filter((s) => s.labels.broker === String(broker))
      .reduce((sum, s) => sum + (exactValue(s, shown.played) ?? 0), 0);
  const usedOf = (broker: number) => ({
    used: read('rehearse:log_disk_used_bytes', broker),
    capacity: read('rehearse:log_disk_capacity_bytes', broker),
  });
  return {
    brokers: growingBrokers(cluster, mean, usedOf),
    held: cluster.settings.holdLogsAtInitialSize,
    crossing: crossingWithFollowerFetching(cluster),
  };
}

function diskMoment(b: GrowingBroker, g: Growth, horizon: number): Moment {
  const at = (share: number) => fullAfter(b, perSecondOf(share, g), horizon);
  return { middle: at(middleOf(g)), early: at(g.high), late: at(g.low) };
}

/** The day of a moment, and its hour where it is soon. */
function dateText(from: number, micros: number, horizon: number): string {
  if (micros === Number.POSITIVE_INFINITY || micros > horizon) return 'not before the end';
  if (micros === 0) return 'already';
  const soon = micros < 7 * dayMicros;
  const whole = soon ? 60e6 : dayMicros;
  return isoDate(Math.floor((from + micros) / whole) * whole, soon);
}

function isoDate(micros: number, withTime: boolean): string {
  const text = formatTime(micros);
  return withTime ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(0, 10);
}

/** What a month costs at today's load, in dollars. */
export interface MonthlyCost {
  readonly instances: number;
  readonly storage: number;
  /** Bytes between zones, by what they are for. */
  readonly crossZone: ReadonlyMap<string, number>;
  /** What consumers' bytes between zones would cost under follower fetching. */
  readonly consumeWithFollowerFetching: number | null;
  readonly purchases: readonly { readonly name: string; readonly instances: number }[];
}

const sizedGB = 1e9;

/** Costs of a month of 730.5 hours as the run of today goes on: a run that is not typical of the month says little about bytes between zones. */
export function monthlyCost(shown: Shown, disks: Disks | undefined): MonthlyCost {
  const settings = shown.scenario.settings(() => 0.5);
  const hardware = settings.hardware as HardwareSettings | undefined;
  const kubernetes = settings.kubernetes as KubernetesSettings | undefined;
  const nodes = kubernetes === undefined ? [] : allNodes(kubernetes.nodes, kubernetes.nodePools);
  const brokers =
    (settings.kafka as { brokers?: readonly { id: number; node: string }[] } | undefined)?.brokers ?? [];
  const typeOf = (node: string) => {
    const instance = nodes.find((n) => n.name === node)?.instance;
    return hardware?.instanceTypes.find((t) => t.name === instance);
  };
  const instances = nodes.reduce((sum, n) => sum + (typeOf(n.name)?.price ?? 0), 0) * hoursPerMonth;
  const storage = brokers.reduce((sum, b) => {
    const capacity = disks?.brokers.find((d) => d.broker === b.id)?.capacity ?? 0;
    return sum + (capacity / sizedGB) * (typeOf(b.node)?.disk.dollarsPerGBMonth ?? 0);
  }, 0);
  const months = shown.played / (hoursPerMonth * 3600e6);
  const perMonth = new Map<string, number>();
  const increase = evaluateVector(
    overPlayed('increase(rehearse:cross_zone_cost_dollars_total[$__range])', shown.played),
    shown.series,
    shown.played,
  );
  for (const s of increase) perMonth.set(s.labels.kind ?? '', s.value / months);
  const consumed = evaluateVector(
    overPlayed('sum(increase(kafka_server_brokertopicmetrics_bytesout_total[$__range]))', shown.played),
    shown.series,
    shown.played,
  )[0]?.value;
  const dollarsPerGB = hardware?.network?.betweenZones.dollarsPerGB ?? 0;
  return {
    instances,
    storage,
    crossZone: perMonth,
    consumeWithFollowerFetching:
      disks === undefined || consumed === undefined
        ? null
        : ((consumed / months) * disks.crossing * dollarsPerGB) / sizedGB,
    purchases: (hardware?.purchases ?? []).map((p) => ({
      name: p.name,
      instances: instances * (1 - p.discount),
    })),
  };
}

/** Every series of every resource today, the tightest first. */
function headroom(shown: Shown, disks: Disks | undefined): Section {
  const rows = resources
    .filter((r) => r.full > 0)
    .flatMap((r) =>
      [...evaluateVector(overPlayed(r.that, shown.played), shown.series, shown.played)].map((s) => ({
        says: r.says,
        where: labelText(s.labels),
        used: s.value / r.full,
      })),
    );
  for (const b of disks?.brokers ?? []) {
    const used = b.other + b.logs.reduce((sum, l) => sum + l.held, 0);
    rows.push({ says: 'log volume', where: `{broker="${b.broker}"}`, used: used / b.capacity });
    rows.push({
      says: `partitions against ${mostPartitionsOfBroker}`,
      where: `{broker="${b.broker}"}`,
      used: b.partitions / mostPartitionsOfBroker,
    });
  }
  rows.sort((a, b) => b.used - a.used);
  return {
    title: 'Headroom today',
    header: ['resource', 'where', 'used', 'left'],
    rows: rows
      .slice(0, 40)
      .map((r): Cell[] => [
        r.says,
        r.where,
        { value: r.used, unit: 'ratio' },
        { value: 1 - r.used, unit: 'ratio' },
      ]),
    sentences: rows.length > 40 ? [`the 40 tightest of ${rows.length}`] : [],
  };
}

function costSection(cost: MonthlyCost): Section {
  const dollars = (value: number): Cell => ({ value, unit: '$' });
  const cross = [...cost.crossZone.values()].reduce((a, b) => a + b, 0);
  const consume = cost.crossZone.get('consume') ?? 0;
  const rows: Cell[][] = [
    ['instances, on demand', dollars(cost.instances)],
    ...cost.purchases.map((p): Cell[] => [
      `instances, ${p.name}, in place of on demand`,
      dollars(p.instances),
    ]),
    ['storage beside the instances', dollars(cost.storage)],
    ...[...cost.crossZone].map(([kind, value]): Cell[] => [`bytes between zones: ${kind}`, dollars(value)]),
    ['all, on demand', dollars(cost.instances + cost.storage + cross)],
  ];
  if (cost.consumeWithFollowerFetching !== null) {
    rows.push([
      'bytes between zones: consume, with follower fetching',
      dollars(cost.consumeWithFollowerFetching),
    ]);
    rows.push([
      'all, with follower fetching',
      dollars(cost.instances + cost.storage + cross - consume + cost.consumeWithFollowerFetching),
    ]);
  }
  return {
    title: 'Cost of a month at the load of this run',
    header: ['what', 'dollars a month'],
    rows,
    sentences: ['by arithmetic from prices and the bytes of this run, not predicted'],
  };
}

/** What a forecast says: what gives out and when, what is left today, and what a month costs. */
export function forecastAnswer(
  shown: Shown,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  request: ForecastRequest,
  played: readonly Probe[],
): Answer {
  const { scenario } = shown;
  const { growth, horizonMicros, partitions } = request;
  const disks = disksOf(shown);
  const found = limitsOf(scenario, played).map((l) => ({ ...l, moment: momentOf(l.factors, growth) }));
  const percent = (x: number) => `${(x * 100).toFixed(1)} %`;
  const rows = found.map((l) => ({
    name: l.name,
    kind: l.kind as string,
    today: l.today,
    factor: median(l.factors) as number | null,
    moment: l.moment,
  }));
  for (const b of request.paths.includes('workload.scale') ? (disks?.brokers ?? []) : []) {
    const used = b.other + b.logs.reduce((sum, l) => sum + l.held, 0);
    rows.push({
      name: `log volume of broker ${b.broker}`,
      kind: 'disk',
      today: `${percent(used / b.capacity)} of 100.0 %`,
      factor: null,
      moment: diskMoment(b, growth, horizonMicros),
    });
  }
  const most = disks?.brokers.reduce((a, b) => (b.partitions > a.partitions ? b : a));
  if (most !== undefined) {
    const factor = mostPartitionsOfBroker / most.partitions;
    rows.push({
      name: `partitions of broker ${most.broker}`,
      kind: 'partitions',
      today: `${most.partitions} of ${mostPartitionsOfBroker}`,
      factor,
      moment:
        partitions === null
          ? {
              middle: Number.POSITIVE_INFINITY,
              early: Number.POSITIVE_INFINITY,
              late: Number.POSITIVE_INFINITY,
            }
          : momentOf([factor], partitions),
    });
  }
  rows.sort((a, b) => a.moment.middle - b.moment.middle);
  // The platform stands as it does at the end of the run.
  const from = (parseTime(scenario.from) ?? 0) + shown.played;
  const date = (micros: number) => dateText(from, micros, horizonMicros);
  const cost = monthlyCost(shown, disks);
  const first = rows[0];
  const section: Section = {
    title: 'What gives out, and when',
    header: ['what', 'kind', 'today', 'times the load', 'date', 'earliest', 'latest'],
    rows: rows.map((r): Cell[] => [
      r.name,
      r.kind,
      r.today,
      r.factor === null
        ? '-'
        : r.factor === Number.POSITIVE_INFINITY
          ? 'more than was played'
          : r.factor.toFixed(2),
      date(r.moment.middle),
      date(r.moment.early),
      date(r.moment.late),
    ]),
    sentences: [
      `growth ${growth.text}, compounded, until ${isoDate(from + horizonMicros, false)}; from the end of this run on; earliest and latest are those of the most and the least growth with the 5 % and 95 % quantiles over ${request.runs} ${request.runs === 1 ? 'run' : 'runs'} of each load`,
      'resources and expectations were played at loads that grow by one ratio and are then halved to 1 %; disks follow from what is written and kept, by arithmetic',
      ...(disks?.held === true
        ? [
            'logs are held at their size (holdLogsAtInitialSize), as by retention of just as many bytes, so that no disk fills',
          ]
        : []),
      ...(partitions === null ? ['the number of partitions stays; --partition-growth lets it grow'] : []),
    ],
  };
  const drawn = resources.filter(
    (r) => r.full > 0 && played.some((p) => p.rows.some((row) => row.risks[r.i] != null)),
  );
  const marks = drawn.flatMap(({ i, says, full }) =>
    played.map((p): Mark => {
      const values = p.rows.flatMap((row) => row.risks[i] ?? []).map((v) => v / full);
      return {
        x: Number(p.factor.toPrecision(6)),
        y: median(values),
        low: rank(values, 0.05),
        high: rank(values, 0.95),
        by: says,
      };
    }),
  );
  const nothing = first === undefined || first.moment.middle > horizonMicros;
  return {
    ...head,
    verb: 'forecast',
    title: scenario.title,
    verdict: nothing ? 'pass' : 'fail',
    says: [
      nothing
        ? `nothing gives out before ${isoDate(from + horizonMicros, false)}`
        : `${first.name} gives out first: ${date(first.moment.middle)} (${date(first.moment.early)} to ${date(first.moment.late)})`,
      `${played.length} loads up to ${played.at(-1)!.factor.toFixed(2)} times today's were played`,
    ],
    sections: [section, headroom(shown, disks), costSection(cost)],
    plots: [
      {
        name: 'forecast',
        title: 'Use of what there is, against the load',
        kind: 'lines',
        x: 'times the load of today',
        y: 'ratio',
        marks,
        rule: 1,
      },
    ],
    data: {
      request,
      limits: rows.map((r) => ({
        ...r,
        factor: r.factor === Number.POSITIVE_INFINITY ? null : r.factor,
        moment: Object.fromEntries(
          Object.entries(r.moment).map(([k, v]) => [`${k}Micros`, v > horizonMicros ? null : v]),
        ),
      })),
      cost: { ...cost, crossZone: Object.fromEntries(cost.crossZone) },
    },
    columns: [
      { name: 'factor', values: played.flatMap((p) => p.rows.map(() => p.factor)) },
      { name: 'replication', values: played.flatMap((p) => p.rows.map((r) => r.replication)) },
      { name: 'fingerprint', values: played.flatMap((p) => p.rows.map((r) => r.fingerprint)) },
      ...resources.map((r) => ({
        name: `risk/${r.name}`,
        values: played.flatMap((p) => p.rows.map((row) => row.risks[r.i] ?? Number.NaN)),
      })),
      ...scenario.expect.map((e, k) => ({
        name: `held/${e.name}`,
        values: played.flatMap((p) => p.rows.map((row) => (row.held[k] === true ? 1 : 0))),
      })),
    ],
  };
}

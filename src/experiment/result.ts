import type { EventKind, Metric, OutageSign, Panel, ReliabilityMeasure } from '../engine/catalogue.ts';
import type { DueDate } from '../engine/dueDates.ts';
import type { ToldEvent } from '../engine/simulation.ts';
import type { AlertsOutcome } from '../models/monitoring/outcome.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { Replications } from './replicated.ts';
import type { RunSheet } from './runSheet.ts';
import type { ServiceLevelRow } from './serviceLevels.ts';

export type { AlertsOutcome, SilenceOutcome, SpellOutcome } from '../models/monitoring/outcome.ts';

export type Verdict = 'pass' | 'fail' | 'inconclusive';
export type Role = 'input' | 'assumed' | 'reconciled' | 'fit' | 'derived' | 'predict' | 'compare';

export interface ExpectationOutcome {
  readonly name: string;
  readonly that: string;
  /** `exact` reads every change, `scraped` what a scraper saw. */
  readonly mode: 'exact' | 'scraped';
  /** `at +40m`, `throughout`, or `at the end`. */
  readonly when: string;
  readonly verdict: Verdict;
  /** The operand that came closest to its limit, or broke it furthest. */
  readonly value: number;
  /** Distance to the limit, positive while it holds. */
  readonly margin: number;
  /** One sentence: which series, when. */
  readonly says: string;
  /** `file:line` of what asks for it; the first line of the scenario where every run is asked. */
  readonly place: string;
}

export interface ObservedRow {
  readonly name: string;
  readonly that: string;
  readonly role: Role;
  readonly unit: string;
  readonly observed: number | null;
  /** The half-open range that the printed digits allow, or the given range. */
  readonly observedRange: readonly [number, number] | null;
  /** Median over the seeds where the scenario draws, else the value of the one run; null when the run has none. */
  readonly predicted: number | null;
  /** 5 % and 95 % quantile over the seeds; null when nothing is drawn. */
  readonly interval: readonly [number, number] | null;
  readonly relativeError: number | null;
  readonly within: number | null;
  /** null where the role has no gate. */
  readonly ok: boolean | null;
  readonly baseline: number | null;
  readonly baselineSays: string | null;
  /** `K1` and so on: the contradiction this row belongs to. */
  readonly contradiction: string | null;
  readonly note: string | null;
  readonly source: string;
}

export interface RiskOutcome {
  readonly name: string;
  readonly unit: string;
  readonly says: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly ok: boolean;
  /** The series with the largest value, as `{broker="2"}`, or empty. */
  readonly where: string;
}

export interface Finding {
  readonly id: string;
  readonly rule: string;
  /** `file:line` of the facts. */
  readonly facts: readonly string[];
  readonly says: string;
}

export interface MeasureRow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly value: number;
}

/** A value that came from a default or from an assumption, with its source. */
export interface AssumedValue {
  readonly path: string;
  readonly value: string;
  readonly source: string;
}

/** An instant at which faults were tried. */
export interface FaultMoment {
  /** The step that it belongs to, or the instant itself. */
  readonly row: string;
  readonly atMicros: number;
  /** When the next step begins, or this one ends. */
  readonly nextMicros: number;
  /** Length of the time that it stands for; null for an instant that was asked for by itself. */
  readonly spanMicros: number | null;
  /** False before the change began. */
  readonly change: boolean;
}

/** The same scenario with one fault more. */
export interface FaultVariant {
  /** Place in the list of variants. */
  readonly order: number;
  /** Place in the list of moments. */
  readonly moment: number;
  readonly kind: string;
  readonly target: string;
  /** The worst sign of an outage before the next step begins, by name; null when the fault is borne so far. */
  readonly outage: string | null;
  /** The same by the end of the run: the change goes on, whatever has failed. */
  readonly later: string | null;
  /** What it has more of at the end than the run without the fault, by the name of the sign. */
  readonly more: Readonly<Record<string, number>>;
}

/** What single faults during a change lead to. */
export interface FaultsOutcome {
  readonly kinds: readonly string[];
  /** The worst first. */
  readonly signs: readonly OutageSign[];
  readonly moments: readonly FaultMoment[];
  readonly variants: readonly FaultVariant[];
  /** Variants left out, since the scenario itself strikes the same then. */
  readonly refused: number;
  /** How long a fault lasts that needs a length. */
  readonly lastsMicros: number;
  /** Time of the change that the moments stand for; null for instants that were asked for. */
  readonly changeMicros: number | null;
  readonly exposure: readonly {
    readonly kind: string;
    /** How long one such fault would have meant an outage, by the spans in whose middle it did; null for instants. */
    readonly micros: number | null;
    /** Steps in which it would have, before the next began. */
    readonly rows: readonly string[];
    /** Steps in which it would have in the end, the change going on. */
    readonly laterRows: readonly string[];
    /** What it would have had to strike. */
    readonly targets: readonly string[];
    /** The worst variant of the kind; null when all are borne. */
    readonly worst: number | null;
  }[];
  /** The worst of all, with what replays it; null when all are borne. */
  readonly worst: {
    readonly variant: number;
    readonly entry: Readonly<Record<string, string | number>>;
    readonly fingerprint: string;
    readonly resolved: Result['resolved'];
  } | null;
}

export interface ReliabilityRow {
  readonly name: string;
  readonly unit: string;
  readonly says: string;
  readonly of: ReliabilityMeasure['of'];
  readonly value: number;
  /** At 95 %: by Student's t over the runs, or Wilson's for a chance; null for one run alone. */
  readonly interval: readonly [number, number] | null;
  /** For a chance: in how many runs it came true. */
  readonly count: number | null;
}

/** What many runs of a platform that fails by chance say of it. */
export interface Reliability {
  readonly runs: number;
  readonly playedMicros: number;
  /** Metrics that this run does not have: they are sampled, and would cost more than all the rest. */
  readonly notSampled: readonly string[];
  readonly rows: readonly ReliabilityRow[];
}

/** What another result says of the same questions. */
export type Before = Pick<
  Result,
  'scenario' | 'title' | 'seed' | 'verdict' | 'fingerprint' | 'expectations' | 'risks'
>;

/** Everything one run gives; the report room draws from this alone. */
export interface Result {
  readonly rehearse: 1;
  readonly version: string;
  readonly title: string;
  /** `reference-day/rolling-restart`: the path below `scenarios/` without its ending. */
  readonly scenario: string;
  /** The scenario file, relative to the root of its project. */
  readonly file: string;
  readonly scenarioDigest: string;
  readonly platformDigest: string;
  readonly seed: string;
  readonly replication: number;
  /** RFC 3339 start of the period, and its length in microseconds. */
  readonly from: string;
  readonly lengthMicros: number;
  /** Microseconds actually played: shorter when `until:` came true. */
  readonly playedMicros: number;
  readonly stoppedBecause: string | null;
  /** Number of seeds behind the intervals; 1 when nothing is drawn. */
  readonly seeds: number;
  readonly draws: boolean;
  readonly verdict: Verdict;
  readonly eventCount: number;
  readonly eventsByKind: readonly (readonly [string, number])[];
  readonly fingerprint: string;
  readonly mathSelfTest: string;
  readonly expectations: readonly ExpectationOutcome[];
  readonly observed: readonly ObservedRow[];
  readonly risks: readonly RiskOutcome[];
  readonly measures: readonly MeasureRow[];
  readonly findings: readonly Finding[];
  readonly assumed: readonly AssumedValue[];
  readonly warmedInsteadOfPlayed: readonly string[];
  /** What `replay` starts from, whole: the scenario with everything merged in, where values come from, and the data files it names. */
  readonly resolved: {
    readonly scenario: Readonly<Record<string, unknown>>;
    readonly sources: readonly AssumedValue[];
    readonly files: Readonly<Record<string, string>>;
  };
  readonly metrics: readonly Metric[];
  readonly eventKinds: readonly EventKind[];
  readonly panels: readonly Panel[];
  readonly series: SeriesSet;
  readonly told: readonly ToldEvent[];
  /** Present when faults were tried at the steps of the change. */
  readonly faults?: FaultsOutcome;
  /** Present when things fail by chance. */
  readonly reliability?: Reliability;
  /** Error budgets, where the platform has objectives. */
  readonly serviceLevels?: readonly ServiceLevelRow[];
  /** What ends next, the first before the others; times count from the start of the period. */
  readonly dueDates?: readonly DueDate[];
  /** What many runs say, where they were asked for. */
  readonly replications?: Replications;
  /** How each change of the calendar goes; absent where there is none. */
  readonly runSheets?: readonly RunSheet[];
  /** The result without the change, where there is one to compare with. */
  readonly before?: Before;
  /** What alert rules said, where the platform has any; microseconds count from the start of the period. */
  readonly alerts?: AlertsOutcome;
}

import type { z } from 'zod';
import type { Catalogue, Metric, ModelFinding } from '../engine/catalogue.ts';
import type { DueDate } from '../engine/dueDates.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { AlertsOutcome } from '../models/monitoring/outcome.ts';
import type { Checks } from './checks.ts';
import type { ActionStep, Reaction } from './reactions.ts';
import type { ServiceLevel } from './serviceLevels.ts';

/** The models made so far, by part name. */
export type Models = Readonly<Record<string, unknown>>;

/** What a part's `create` may use. */
export interface BuildContext {
  readonly sim: Simulation;
  /** All settings, resolved for this replication, by part name. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly models: Models;
  /** Every action that will be played, in the order of the file; times count from the start of the period. */
  readonly timeline: readonly {
    readonly at: number;
    readonly part: string;
    readonly action: string;
    readonly args: unknown;
  }[];
  /** What is done when an alert does something. */
  readonly reactions: readonly Reaction[];
  /** Plays a step of a reaction now; `id` names it for the events that it leads to. */
  readonly act: (step: ActionStep, id: string) => void;
  /** Length of the played time, microseconds. */
  readonly until: number;
  /** How much of it is played before the period begins, and left out of every measure. */
  readonly warmUp: number;
  /** Start of the period, microseconds since 1970-01-01T00:00:00Z. */
  readonly from: number;
  /** Metrics that a condition of a procedure, or the end of the run, looks at. */
  readonly watched: ReadonlySet<string>;
  /** The labels of a gauge's rows, of any part made so far. */
  readonly labelsOf: (metric: string) => ((row: number) => Readonly<Record<string, string>>) | undefined;
  /** All metrics that parts have, and those of the parts that this platform has. */
  readonly metricNames: readonly string[];
  readonly metrics: readonly Metric[];
  /** Text of a file that a setting named; read and checked before. */
  readonly readText: (path: string) => string;
  /** Whether a PromQL comparison over the values of this instant is true of any series now, as in an alert rule. */
  readonly condition: (text: string) => boolean;
}

/** Whether an action can be undone once it has been played, and how. */
export interface Undo {
  /** `partly`: something of it stays. */
  readonly can: 'yes' | 'partly' | 'no';
  /** What has to be done and how long that takes; of what cannot be undone, why. */
  readonly how: string;
}

/** What a timeline entry of one kind may say, and how it is played. */
export interface Action<Model, Args> {
  readonly says: string;
  readonly args: z.ZodType<Args>;
  /** What it changes, as `broker/0`: two changes that share one collide. */
  readonly on: (args: Args, settings: Readonly<Record<string, unknown>>) => readonly string[];
  readonly undo: Undo;
  /** Metrics that are above 0 while the platform is still at work on it; absent: it is done at once. */
  readonly busy?: readonly string[];
  /** Plays the entry now; `id` names the entry. */
  readonly play: (model: Model, args: Args, context: BuildContext & { readonly id: string }) => void;
  /** Cross-checks of one entry; `at` is its path. */
  readonly check?: (args: Args, checks: Checks, at: readonly (string | number)[]) => void;
}

/** One subsystem as a scenario file sees it. Adding a subsystem is adding one such file and its line in the list. */
export interface Part<Settings = unknown, Model = unknown> {
  readonly name: string;
  readonly says: string;
  readonly settings: z.ZodType<Settings>;
  /** Whether a scenario without settings of this part is a problem; otherwise the part is left out when `{}` does not pass. */
  readonly needed?: boolean;
  /** `alone`: a platform of its own, which lacks no needed part; `beside`: as good as what it stands beside. Absent: it rests on the needed parts. */
  readonly stands?: 'alone' | 'beside';
  /** The part without which this one means nothing: a scenario that has none of the parts around it leaves them all out. */
  readonly around?: string;
  /** Why a key of the real system is refused by name, where what it does is not modelled; undefined for any other unknown key. */
  readonly refused?: (key: string) => string | undefined;
  /** Cross-checks over all settings, after each has passed its schema. */
  readonly check?: (settings: Settings, checks: Checks) => void;
  /** What of the load changes by itself between two moments of the run, microseconds; undefined where it is constant. */
  readonly changesBetween?: (settings: Settings, from: number, to: number) => string | undefined;
  /** Whether things fail by chance under these settings: a run is then judged over many seeds. */
  readonly failsByChance?: (settings: Settings) => boolean;
  readonly create: (settings: Settings, context: BuildContext) => Model;
  /** Joins the model to those made before it. */
  readonly connect?: (model: Model, context: BuildContext) => void;
  readonly actions: Readonly<Record<string, Action<Model, never>>>;
  /** Actions that the models have to know of before the run begins: they need a time, and cannot wait for an alert. */
  readonly ahead?: readonly string[];
  readonly catalogue: Catalogue;
  /** Metrics that come with the settings, such as what a rule records. */
  readonly metrics?: (
    settings: Settings,
    readText: (file: string) => string | undefined,
  ) => readonly Metric[];
  /** Metrics whose past this part reads, so that they have to be recorded. */
  readonly reads?: (settings: Settings, context: BuildContext) => readonly string[];
  /** Objectives whose account a run shows. */
  readonly serviceLevels?: (settings: Settings, model: Model) => readonly ServiceLevel[];
  /** What alert rules said. */
  readonly alerts?: (model: Model) => AlertsOutcome | undefined;
  /** What the end of a run shows that somebody has to know; a finding may fail the run. */
  readonly findings?: (model: Model) => readonly ModelFinding[];
  /** What ends at a known time, and who renews it, as things stand now. */
  readonly dueDates?: (model: Model) => readonly DueDate[];
  /** What is set at the start in place of being warmed up, for the report. */
  readonly setInsteadOfWarmed?: readonly string[];
  /** The labels of each row of a gauge, by metric name; undefined for a metric that this model does not keep. */
  readonly labels: (
    model: Model,
    metric: string,
  ) => ((row: number) => Readonly<Record<string, string>>) | undefined;
}

/** A part with its types erased, as the list of parts holds it. */
export type AnyPart = Part<never, never>;

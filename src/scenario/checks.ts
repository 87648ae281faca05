import type { Problem } from '../formats/problem.ts';
import type { Expectation, Expression } from '../promql/parse.ts';
import type { TimelineEntry } from './load.ts';
import type { Reaction } from './reactions.ts';

/** How a cross-check reads the scenario and reports what it finds; positions are looked up from paths. */
export interface Checks {
  /** All settings by part name, and `timeline`, after the schemas; undefined where a part failed its own schema. */
  settings<T>(part: string): T | undefined;
  /** Every entry of the timeline that passed its schema, in the order of the file. */
  readonly timeline: readonly TimelineEntry[];
  /** Every entry that waits for an alert, as far as it could be read. */
  readonly reactions: readonly Reaction[];
  /** Seconds, microseconds: the length of the period in microseconds. */
  readonly until: number;
  /** Start of the period, microseconds since 1970-01-01T00:00:00Z. */
  readonly from: number;
  /** Whether a catalogue has a metric of this name. */
  isMetric(name: string): boolean;
  /** Path segments of a value (list entries by name or id). The remedy is an imperative. */
  problem(path: readonly (string | number)[], found: string, mend: string): void;
  /** A fact that is odd or physically inconsistent: played, and listed as a finding. */
  warning(path: readonly (string | number)[], found: string, mend: string): void;
  /** As `problem`, at a place of another file that a setting names. */
  problemsOf(problems: readonly Problem[]): void;
  /** The line of a value in its file, for a remedy that points at another place; 0 when unknown. */
  lineOf(path: readonly (string | number)[]): number;
  /** A quantity as it is written in the file; undefined where there is none, or it is drawn. */
  written(path: readonly (string | number)[]): string | undefined;
  readText(path: string): string | undefined;
  /** As `problem`, at a character of a text: `offset` counts from its start. */
  problemIn(path: readonly (string | number)[], offset: number, found: string, mend: string): void;
  /** Reads a PromQL expression, whatever metrics it names; undefined when it has problems, which are told. */
  expression(path: readonly (string | number)[], text: string): Expression | undefined;
  /** Reads a PromQL comparison and looks up its metrics and labels; undefined when it has problems, which are told. */
  condition(path: readonly (string | number)[], text: string): Expectation | undefined;
}

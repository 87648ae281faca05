import type { Section } from './rebalance.ts';
import type { Verdict } from './result.ts';

/** One mark of a plot: a point of a line with its interval, a field of a map, a bar, or a point of a frontier. */
export interface Mark {
  readonly x: number | string;
  readonly y: number | string;
  readonly value?: number | null;
  readonly low?: number;
  readonly high?: number;
  readonly by?: string;
  /** Written beside a point of a frontier. */
  readonly label?: string;
}

/** A plot as data. */
export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly kind: 'lines' | 'map' | 'bars' | 'points' | 'frontier';
  readonly x: string;
  readonly y: string;
  readonly marks: readonly Mark[];
  /** A line across, such as a limit. */
  readonly rule?: number;
}

/** A column of a dataset. */
export interface AnswerColumn {
  readonly name: string;
  readonly values: readonly (number | string)[];
}

/** What a verb that plays many scenarios says. */
export interface Answer {
  readonly verb: string;
  readonly title: string;
  readonly scenario: string;
  readonly seed: string;
  readonly version: string;
  readonly verdict: Verdict | null;
  /** The answer in a sentence, then what else has to be known. */
  readonly says: readonly string[];
  readonly sections: readonly Section[];
  readonly plots: readonly Plot[];
  /** Every number behind it, as `answer.json` has it. */
  readonly data: unknown;
  /** Every run behind it, as `runs.arrow` has it; of an explanation the chain, as `causes.arrow` has it. */
  readonly columns: readonly AnswerColumn[];
}

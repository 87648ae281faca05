import type { Interval } from './interval.ts';
import type { FactDimension } from './quantities.ts';

export interface Citation {
  readonly file: string;
  readonly line: number;
}

/** When a fact holds, microseconds since 1970; without ends it holds for the whole of what is audited. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** Something that somebody wrote down: a quantity of a subject, as exact as its digits. */
export interface Fact {
  readonly quantity: string;
  readonly subject: string;
  readonly dimension: FactDimension;
  /** In the base unit: bytes, bytes per second, microseconds, cores, a fraction, pieces, pieces per second, dollars. */
  readonly value: Interval;
  /** The source lists what the subject has, and this is not among it: `value` is then empty of meaning. */
  readonly absent: boolean;
  /** As the facts file writes it. */
  readonly printed: string;
  readonly holds: Validity;
  /** Length of the window that the value was counted or averaged over, microseconds, where it has one. */
  readonly window: Interval | undefined;
  /** Where it stands: lines of the log, or the line of the facts file where the source is another one. */
  readonly citations: readonly Citation[];
  /** The source in words, where it is no line of the log. */
  readonly source: string | undefined;
}

/** What facts are about, and how it stands to others. */
export interface Subject {
  readonly name: string;
  /** What it is: subjects of one kind in one whole are summed. */
  readonly kind: string;
  /** The whole that it is a part of. */
  readonly in: string | undefined;
  /** Kinds of its parts of which every one is listed, so that their sum is the whole. */
  readonly complete: readonly string[];
  /** Subjects that come before it: it cannot have happened before they did. */
  readonly after: readonly string[];
  /** Subjects that it acts on: the one that a step restarts, those of which a sink reads one whole. */
  readonly on: readonly string[];
  /** Where it runs, among others of its kind. */
  readonly zone: string | undefined;
}

/** How a rule's finding about a subject is called. */
export interface FindingLabel {
  readonly id: string;
  readonly rule: string;
  /** Subjects; none for every subject. */
  readonly of: readonly string[];
  /** Only findings with a fact of this quantity. */
  readonly quantity: string | undefined;
}

export interface Facts {
  /** The file that the facts come from. */
  readonly file: string;
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly subjects: ReadonlyMap<string, Subject>;
  readonly labels: readonly FindingLabel[];
}
